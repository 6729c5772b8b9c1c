//! The seats of the reseller account are counted: a forecast, so that somebody can ask Google for more in time. It holds up nothing:
//! what cannot be counted now stays as it was counted before. Where engineers have accounts of their own none is made and nothing is
//! counted. Not here: what follows from the numbers (`model/seats`).

use super::username::book;
use super::{Context, Cost, Outcome, SheetError, Step};
use crate::model::enrollment::{Enrollment, EnrollmentId, TargetKind, Want};
use crate::model::failure::Failure;
use crate::model::plan::StepName;
use crate::model::rules::later;
use crate::model::seats::{HORIZON, SeatCount};
use crate::model::transition::Ensured;
use futures_util::future::{join, try_join};
use jiff::Timestamp;

/// The step.
pub const STEP: Step = Step {
    name: StepName::Seats,
    scope: TargetKind::Reseller,
    summary: "the seats are counted",
    seals_credential: false,
    cost: Cost::nothing,
    ensure: |cx| Box::pin(ensure(cx)),
};

/// Rows read from the store at a time.
const PAGE: usize = 200;

async fn ensure(cx: &Context<'_>) -> Outcome {
    let before = cx.row.facts.seats.as_deref();
    if cx.is_home() {
        return Ok(ensured(before.map(|before| before.kept())));
    }
    // Names are chosen by the same lists and that of the groups: read now, nobody waits for them when the first engineer comes.
    let (counted, _) = join(count(cx), cx.site()?.census.addresses(book(cx))).await;
    let counted = match counted {
        Ok(counted) => Some(counted.concluded(cx.site()?.reseller.seats, before)),
        Err(failure) => {
            tracing::info!(row = %cx.row.id, code = %failure.code, "the seats could not be counted");
            before.map(|before| before.kept())
        }
    };
    Ok(ensured(counted))
}

fn ensured(counted: Option<SeatCount>) -> Ensured {
    let mut ensured = Ensured::default();
    ensured.facts.seats = counted.map(Box::new);
    ensured
}

async fn count(cx: &Context<'_>) -> Result<SeatCount, Failure> {
    // As old as those that names are chosen by, and shared with them.
    let (census, recent) = (&cx.site()?.census, book(cx));
    let (accounts, deleted) = try_join(census.accounts(recent), census.deleted(recent)).await?;
    let suspended = accounts.items.iter().filter(|account| account.suspended == Some(true)).count();
    Ok(SeatCount {
        counted_at: cx.now(),
        users: number(accounts.items.len()),
        suspended: number(suspended),
        deleted: number(deleted.items.len()),
        starters: number(starters(cx).await?),
        remaining: None,
        low: false,
        became_low: false,
    })
}

/// Accounts that are still to be made, of those who start soon.
async fn starters(cx: &Context<'_>) -> Result<usize, Failure> {
    let (lane, soon) = (cx.row.lane(), later(cx.now(), HORIZON));
    let (mut starters, mut after) = (0, None::<(Timestamp, EnrollmentId)>);
    loop {
        let page = cx.house.store.queue(&lane, after.as_ref(), PAGE).await.map_err(SheetError::Store)?;
        let Some(last) = page.last() else { return Ok(starters) };
        after = last.wake_at().map(|at| (at, last.id.clone()));
        starters += page.iter().filter(|row| is_starter(row, soon)).count();
    }
}

fn is_starter(row: &Enrollment, soon: Timestamp) -> bool {
    row.id.kind() == TargetKind::Domain
        && row.goal.want == Want::Present
        && row.facts.account.is_none()
        && row.starts.is_none_or(|starts| starts <= soon)
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::enrollment::{AccountFact, Goal};
    use jiff::SignedDuration;

    #[test]
    fn a_starter_wants_an_account_soon_and_has_none() {
        let now = Timestamp::UNIX_EPOCH;
        let row = |id: &str, want, starts| {
            let row = Enrollment::open(id.parse().unwrap(), Goal { want, revision: 1 }, now);
            Enrollment { starts, ..row }
        };
        let domain = "domain/E-1/se/a.se";
        let soon = later(now, HORIZON);
        let mut made = row(domain, Want::Present, None);
        let id = "1".parse().unwrap();
        made.facts.account = Some(AccountFact {
            id,
            since: now,
            read_at: now,
            restored: false,
            home: false,
            suspended_by_us: None,
            given: std::collections::BTreeSet::new(),
        });
        for (row, expected) in [
            (row(domain, Want::Present, None), true),
            (row(domain, Want::Present, Some(soon)), true),
            (row(domain, Want::Present, Some(later(soon, SignedDuration::from_secs(1)))), false),
            (row(domain, Want::Absent, None), false),
            (row("reseller/se", Want::Present, None), false),
            (made, false),
        ] {
            assert_eq!(is_starter(&row, soon), expected, "{row:?}");
        }
    }
}
