//! `POST /v1/usernames:preview`: which username a person would get, before HR sends anything. Reads only; the names that are asked about
//! are neither kept nor logged. Not here: the rules (`model/username`) and who holds an address (`steps/username`).

use super::Api;
use super::extract::Sent;
use super::problem::{Fault, Problem, ProblemKind};
use crate::model::id::{EngineerKey, LocalPart, ResellerName};
use crate::model::person::{LanguageTag, LatinPart, NamePart, PersonName};
use crate::model::username::Considered;
use crate::steps::{UsernamePreview, UsernameWish, preview_username};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::Arc;

/// The body; the fields are those of the event.
#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(rename = "UsernameWish")]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Asking {
    given: String,
    family: String,
    latin_given: Option<String>,
    latin_family: Option<String>,
    language: Option<String>,
    preferred_username: Option<String>,
    key: Option<String>,
}

/// The answer.
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(rename = "UsernamePreview")]
pub(super) struct Answer {
    /// Null where a person would have to be asked.
    username: Option<LocalPart>,
    candidates: Vec<Considered>,
    reason: &'static str,
    /// Reseller accounts whose addresses are not known now.
    unknown: BTreeSet<ResellerName>,
}

/// Answers for an operator: the answer says who has an account.
pub(super) async fn preview(
    State(api): State<Arc<Api>>,
    Sent(asking): Sent<Asking>,
) -> Result<Json<Answer>, Problem> {
    let wish = asking.wish()?;
    let found = preview_username(api.engine.house(), &api.engine.roster(), &wish).await;
    found.map(|found| Json(found.into())).map_err(|_| ProblemKind::StoreUnavailable.into())
}

impl Asking {
    /// All faults at once, with their places.
    fn wish(self) -> Result<UsernameWish, Problem> {
        let mut faults = Vec::new();
        let given = read(&mut faults, "/given", Some(&self.given), NamePart::parse);
        let family = read(&mut faults, "/family", Some(&self.family), NamePart::parse);
        let latin_given = read(&mut faults, "/latinGiven", self.latin_given.as_deref(), LatinPart::parse);
        let latin_family = read(&mut faults, "/latinFamily", self.latin_family.as_deref(), LatinPart::parse);
        let language = read(&mut faults, "/language", self.language.as_deref(), |text| {
            LanguageTag::parse(text).ok_or("not a language tag like sv or de-CH")
        });
        let preferred =
            read(&mut faults, "/preferredUsername", self.preferred_username.as_deref(), LocalPart::parse);
        let key = read(&mut faults, "/key", self.key.as_deref(), EngineerKey::parse);
        match (given, family) {
            (Some(given), Some(family)) if faults.is_empty() => {
                let name = PersonName { given, family, latin_given, latin_family, language };
                Ok(UsernameWish { name, preferred, key })
            }
            _ => Err(Problem::faulty(faults)),
        }
    }
}

fn read<T, E: Display>(
    faults: &mut Vec<Fault>,
    place: &str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Option<T> {
    match text.map(parse)? {
        Ok(value) => Some(value),
        Err(error) => {
            faults.push(Fault { place: place.to_owned(), detail: error.to_string(), reason: None });
            None
        }
    }
}

impl From<UsernamePreview> for Answer {
    fn from(UsernamePreview { choice, kept, unknown }: UsernamePreview) -> Self {
        let reason = if kept.is_some() { "kept" } else { choice.reason() };
        let username = kept.or_else(|| choice.username().cloned());
        Self { username, reason, candidates: choice.considered, unknown }
    }
}
