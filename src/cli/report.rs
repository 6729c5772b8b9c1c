//! `carepass report …`: reports of the ledger, read beside the daemon from its files or its database, as a table, CSV or JSON; nothing is
//! written but an evidence pack. Not here: what a report says (`model/report`).

mod emit;
mod evidence;
mod verify;

use super::exit::{Ended, Exit, Trouble};
use super::ledger::WhichStore;
use super::ledger_source::{self, Reading};
use super::screen::Screen;
use crate::clock::Clock;
use crate::model::entry::{Change, Entry, Position};
use crate::model::id::{EngineerKey, ResellerName};
use crate::model::report::{Period, TooLong, access, drift, leavers, ready, seats};
use clap::{Args, Subcommand};
use emit::Shape;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::str::FromStr;

/// The reports.
#[derive(Clone, Debug, Subcommand)]
pub enum ReportCommand {
    /// Who has access where, now or at a moment
    Access(AccessArgs),
    /// How long it took until access was ready, and on whom it waited
    Ready(PeriodArgs),
    /// How long it took until leavers were locked out; those who still have access come first
    Leavers(PeriodArgs),
    /// The seats of each reseller account, day by day
    Seats(PeriodArgs),
    /// What others had changed at Google, since when and until when
    Drift(PeriodArgs),
    /// Write an evidence pack: for a sample of engineers each request, approval, write, verification and removal, in a chain of hashes
    Evidence(evidence::EvidenceArgs),
    /// Verify an evidence pack by itself, or against the ledger
    Verify(verify::VerifyArgs),
}

/// Arguments of `report access`.
#[derive(Clone, Debug, Args)]
pub struct AccessArgs {
    #[command(flatten)]
    which: WhichStore,
    /// At this moment or at the beginning of this day (UTC), like 2026-11-30 or 2026-11-30T12:00:00Z; now, if you do not say it
    #[arg(long, value_name = "TIME")]
    at: Option<Moment>,
    /// Only at this reseller account
    #[arg(long)]
    reseller: Option<ResellerName>,
    /// Only this engineer
    #[arg(long, value_name = "KEY")]
    engineer: Option<EngineerKey>,
    #[command(flatten)]
    shape: Shape,
}

/// Arguments of the reports over a period.
#[derive(Clone, Debug, Args)]
pub struct PeriodArgs {
    #[command(flatten)]
    which: WhichStore,
    #[command(flatten)]
    period: PeriodOptions,
    #[command(flatten)]
    shape: Shape,
}

/// A period, as it is asked for.
#[derive(Clone, Debug, Args)]
pub struct PeriodOptions {
    /// From this moment, or the beginning of this day (UTC); 30 days before the end, if you do not say it
    #[arg(long, value_name = "TIME")]
    from: Option<Moment>,
    /// Up to and without this moment or day; now, if you do not say it
    #[arg(long, value_name = "TIME")]
    to: Option<Moment>,
}

/// How long a period is whose beginning nobody has said.
const USUAL: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A moment, or the beginning of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment(Timestamp);

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp());
        // A day alone first: a timestamp needs more.
        let moment = text.parse::<Timestamp>().ok().or_else(day);
        moment.map(Self).ok_or("neither a day like 2026-11-30 nor a moment like 2026-11-30T12:00:00Z")
    }
}

impl PeriodOptions {
    fn period(&self) -> Result<Period, Trouble> {
        let to = self.to.map_or_else(|| Clock::System.now(), |moment| moment.0);
        let usual = || to.checked_sub(USUAL).unwrap_or(Timestamp::MIN);
        let from = self.from.map_or_else(usual, |moment| moment.0);
        if from < to {
            return Ok(Period { from, to });
        }
        Err(Trouble::usage("--from must come before --to"))
    }
}

/// Runs the command.
pub async fn run(command: &ReportCommand, screen: &mut Screen) -> Ended {
    match command {
        ReportCommand::Access(args) => of_access(args, screen).await,
        ReportCommand::Ready(args) => {
            let mut report = ready::Ready::of(args.period.period()?);
            let read = folded(&args.which, screen, |entry| report.take(entry)).await?;
            let (lines, spread) = report.lines();
            emit::told(read, "ready", &lines, Some(spread), args.shape, screen)
        }
        ReportCommand::Leavers(args) => {
            let mut report = leavers::Leavers::of(args.period.period()?);
            let read = folded(&args.which, screen, |entry| report.take(entry)).await?;
            let (lines, spread) = report.lines();
            emit::told(read, "leavers", &lines, Some(spread), args.shape, screen)
        }
        ReportCommand::Seats(args) => {
            let mut report = seats::Seats::of(args.period.period()?);
            let read = folded(&args.which, screen, |entry| report.take(entry)).await?;
            emit::told(read, "seats", &report.lines(), None, args.shape, screen)
        }
        ReportCommand::Drift(args) => {
            let mut report = drift::Drifted::of(args.period.period()?);
            let read = folded(&args.which, screen, |entry| report.take(entry)).await?;
            let unlisted = report.unlisted();
            let ended =
                emit::told(read, "drift", &report.lines().map_err(too_long)?, None, args.shape, screen);
            if unlisted > 0 {
                screen.note(format_args!(
                    "{unlisted} more were found by the last looks, and are listed nowhere."
                ));
            }
            ended
        }
        ReportCommand::Evidence(args) => evidence::run(args, screen).await,
        ReportCommand::Verify(args) => verify::run(args, screen).await,
    }
}

async fn of_access(args: &AccessArgs, screen: &mut Screen) -> Ended {
    let now = Clock::System.now();
    let at = args.at.map_or(now, |moment| moment.0);
    if at > now {
        return Err(Trouble::usage(format!("--at {at} has not come yet; carepass plan says what is to be")));
    }
    let mut report = access::Access::at(at);
    let (mut engineer, mut reseller) = (args.engineer.as_ref(), args.reseller.as_ref());
    let read = folded(&args.which, screen, |entry| {
        report.take(entry);
        engineer = engineer.filter(|only| !entry.engineers().contains(only));
        reseller = reseller.filter(|only| !is_about(entry, only));
        Ok(())
    });
    let read = read.await?;
    // Of a name that was mistyped nothing would be listed, and look as if nobody had access.
    if let (Some(_), Some(key)) = (read, engineer) {
        return Err(Trouble::failed(format!("carepass knows no engineer {key}")));
    }
    if let (Some(_), Some(name)) = (read, reseller) {
        return Err(Trouble::failed(format!("carepass knows no reseller account {name}")));
    }
    let mut lines = report.lines().map_err(too_long)?;
    lines.retain(|line| {
        args.reseller.as_ref().is_none_or(|only| *only == line.reseller)
            && args.engineer.as_ref().is_none_or(|only| *only == line.engineer)
    });
    emit::told(read, "access", &lines, None, args.shape, screen)
}

/// Whether an entry writes a row of a reseller account.
fn is_about(entry: &Entry, reseller: &ResellerName) -> bool {
    entry.changes.iter().any(|change| match change {
        Change::Enrollment { row, .. } => row.id.reseller() == Some(reseller),
        Change::Engineer(_)
        | Change::Received(_)
        | Change::Reserved { .. }
        | Change::Released { .. }
        | Change::Erased { .. }
        | Change::Parked(_)
        | Change::Unparked { .. }
        | Change::Bookmark { .. } => false,
    })
}

/// Shows every entry to a report. `None` if the configuration has faults, which are told then.
async fn folded(
    which: &WhichStore,
    screen: &mut Screen,
    mut take: impl FnMut(&Entry) -> Result<(), TooLong>,
) -> Result<Option<Position>, Trouble> {
    let Some(place) = which.place(screen) else { return Ok(None) };
    let mut last = Position(0);
    let read = ledger_source::each(&place, Position(0), |entry, _| {
        last = entry.position;
        take(&entry).map(|()| Reading::On).map_err(too_long)
    });
    read.await.map(|()| Some(last))
}

fn too_long(error: TooLong) -> Trouble {
    Trouble { exit: Exit::Held, text: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::emit::Format;
    use super::*;

    #[test]
    fn a_day_is_its_beginning_and_a_moment_itself() {
        let check = |text: &str, expected: Option<&str>| {
            let found = text.parse::<Moment>().ok().map(|moment| moment.0.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        check("2026-11-30", Some("2026-11-30T00:00:00Z"));
        check("2026-11-30T12:00:00Z", Some("2026-11-30T12:00:00Z"));
        check("2026-11-30T12:00:00+01:00", Some("2026-11-30T11:00:00Z"));
        check("30.11.2026", None);
        check("yesterday", None);
        let options = |from: &str, to: &str| PeriodOptions { from: from.parse().ok(), to: to.parse().ok() };
        assert_eq!(
            options("2026-11-30", "2026-11-30").period().map_err(|trouble| trouble.exit),
            Err(Exit::Usage)
        );
        let usual = options("", "2026-11-30").period().unwrap();
        assert_eq!(usual.from.to_string(), "2026-10-31T00:00:00Z");
    }

    #[test]
    fn formats_exclude_each_other() {
        #[derive(clap::Parser)]
        struct Alone {
            #[command(flatten)]
            shape: Shape,
        }
        use clap::Parser as _;
        let format =
            |arguments: &[&str]| Alone::try_parse_from(arguments).ok().map(|alone| alone.shape.format());
        assert_eq!(format(&["x"]), Some(Format::Table));
        assert_eq!(format(&["x", "--csv"]), Some(Format::Csv));
        assert_eq!(format(&["x", "--csv", "--json"]), None);
    }
}
