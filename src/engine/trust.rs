//! Who may say what: the sources that are listened to, and the signatures of those that sign. Looked at as soon as the source of an
//! event is known, before anything is done in its name. And whether a source's own count has a hole.
//! Not here: reading a signature (`model/signature`).

use super::{Engine, observe};
use crate::model::event::{Event, ReasonCode, Refusal, is_structured};
use crate::model::sequence::Sequences;
use crate::model::signature::{SIGNATURE_HEADER, verify};
use std::collections::BTreeMap;
use std::sync::PoisonError;

impl Engine {
    /// Whether the event comes from whom it says, as far as that can be known. A source that has a key must sign, and in structured mode:
    /// the attributes of binary mode stand outside the body, so that a signature of the body would cover neither source nor type.
    pub(super) fn trusts(
        &self,
        event: &Event,
        body: &[u8],
        content_type: Option<&str>,
        headers: &BTreeMap<String, String>,
    ) -> Result<(), Refusal> {
        let source = &event.reference.source;
        let refuse = |pointer, reason| Err(Refusal::one(pointer, reason, Some(event.reference.clone())));
        let allowed = &self.settings.allowed_sources;
        if !allowed.is_empty() && !allowed.contains(source) {
            return refuse("/source", ReasonCode::UntrustedSource);
        }
        let keys = &self.settings.source_keys;
        if !keys.iter().any(|key| key.source == *source) {
            return Ok(());
        }
        let Some(signature) = headers.get(SIGNATURE_HEADER) else {
            return refuse("", ReasonCode::SignatureMissing);
        };
        if !is_structured(content_type, headers) {
            tracing::info!(source, "a signature cannot cover an event in binary mode");
            return refuse("", ReasonCode::SignatureInvalid);
        }
        verify(signature, body, source, keys).or_else(|fault| {
            tracing::info!(source, %fault, "a signature does not count");
            refuse("", ReasonCode::SignatureInvalid)
        })
    }
    /// Warns of events that a source has sent, by its own count, and that never came.
    pub(super) fn count(&self, event: &Event) {
        let Some(sequence) = &event.sequence else { return };
        let (source, now) = (&event.reference.source, self.house.clock.now());
        let mut sequences = self.sequences.lock().unwrap_or_else(PoisonError::into_inner);
        // Each of several replicas sees a part of the numbers, and would miss what the others have.
        if !self.duties.is_alone() {
            *sequences = Sequences::default();
            return;
        }
        if let Some(gap) = sequences.note(source, sequence, now) {
            observe::sequence_gap(source, gap);
        }
    }
}
