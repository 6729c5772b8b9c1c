//! `carepass ledger verify` of a ledger in PostgreSQL. Not here: what is looked at (`store/postgres/verify`), and a ledger in files (`ledger`).

use super::exit::{Ended, Exit};
use super::ledger::trouble;
use super::screen::Screen;
use crate::store::embedded::ChainKey;
use crate::store::postgres::{self, Endpoint, Verified};
use serde_json::json;

/// Verifies it, and says what was found.
pub(super) async fn verify(
    endpoint: &Endpoint,
    head: Option<&str>,
    key: Option<&ChainKey>,
    as_json: bool,
    screen: &mut Screen,
) -> Ended {
    let verified = postgres::verify(endpoint, head, key).await.map_err(|error| trouble(&error))?;
    show(&verified, as_json, screen);
    Ok(if verified.flaw.is_none() && verified.known { Exit::Done } else { Exit::Failed })
}

fn show(verified: &Verified, as_json: bool, screen: &mut Screen) {
    let Verified { position, batches, sha256, last_at, flaw, known, is_vouched } = verified;
    if as_json {
        let shown = json!({
            "sound": flaw.is_none(), "position": position.0, "batches": batches, "sha256": sha256, "last_at": last_at, "flaw": flaw,
            "head_known": known, "vouched": is_vouched,
        });
        screen.say(format_args!("{shown:#}"));
    } else {
        if flaw.is_none() {
            screen.say(format_args!("The ledger is whole: {} entries in {batches} batches.", position.0));
        }
        screen.say(format_args!(
            "Head of the chain: {sha256}. Kept elsewhere, it proves later that nothing up to here was changed."
        ));
        if !is_vouched {
            screen.note(
                "Who wrote it was not looked at, since the master key is not at hand (--master-key): whoever may write to the database could have written it anew.",
            );
        }
    }
    if let Some(flaw) = flaw {
        screen.note(format_args!(
            "The ledger is sound up to entry {}. Behind it: {flaw}. Restore the database from a backup.",
            position.0
        ));
    }
    if !known {
        screen.note(
            "The head that was asked for closes no batch of this ledger: the ledger is older than that, or it was rewritten since. Compare it with a backup before anything is built on it.",
        );
    }
}
