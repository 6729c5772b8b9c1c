//! Moments as a person says them. "Friday 17:00 Stockholm (01:00 Tokyo)" for the dates of an employment, which belong to a
//! place; "at 10:16 (Stockholm)" inside a sentence and "10:16" in a table, on the clock of the reader. English and Swedish.
//! Not here: the clock; now and the zones are arguments.

use crate::model::person::Language;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

/// Days from today on in which a weekday alone says the day; the seventh has today's name again.
const NAMED_DAYS: i64 = 7;

/// The words of a language; January and Monday first.
struct Words {
    /// Between hours and minutes.
    separator: char,
    /// Before a time of the day.
    at: &'static str,
    /// Before a date.
    on: &'static str,
    /// For a moment that has come.
    soon: &'static str,
    /// The same in a table.
    now: &'static str,
    /// For a moment that is not known.
    later: &'static str,
    months: [&'static str; 12],
    weekdays: [&'static str; 7],
}

const ENGLISH: Words = Words {
    separator: ':',
    at: "at",
    on: "on",
    soon: "in a moment",
    now: "now",
    later: "later",
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    weekdays: ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
};

const SWEDISH: Words = Words {
    separator: '.',
    at: "kl.",
    on: "den",
    soon: "strax",
    now: "nu",
    later: "senare",
    months: [
        "januari",
        "februari",
        "mars",
        "april",
        "maj",
        "juni",
        "juli",
        "augusti",
        "september",
        "oktober",
        "november",
        "december",
    ],
    weekdays: ["måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag", "söndag"],
};

/// A moment that belongs to a place, on that place's clock, and in brackets on the clocks of `readers`: "Friday 17:00 Stockholm
/// (01:00 Tokyo)". The weekday alone stands for the day if it is today or one of the next six, else the date is said too, with
/// the year unless it is this one. A reader's weekday is said where it differs, but for the small hours of the
/// very next day, which nobody takes for the morning before. A reader whose clock shows the same is left out. In the
/// hour that a clock shows twice the offset is said: "Sunday 02:30 Stockholm UTC+1".
pub fn in_places(
    at: Timestamp,
    place: &TimeZone,
    readers: &[TimeZone],
    now: Timestamp,
    language: Language,
) -> String {
    let words = words(language);
    let there = at.to_zoned(place.clone());
    let mut text = format!("{} {}", day(words, &there, &now.to_zoned(place.clone())), placed(words, &there));
    let mut said: Vec<Zoned> = vec![there];
    for reader in readers {
        let here = at.to_zoned(reader.clone());
        if said.iter().any(|other| other.datetime() == here.datetime()) {
            continue;
        }
        text.push_str(if said.len() == 1 { " (" } else { ", " });
        if here.date() != said[0].date() && !is_the_night_after(&said[0], &here) {
            text.push_str(weekday(words, &here));
            text.push(' ');
        }
        text.push_str(&placed(words, &here));
        said.push(here);
    }
    if said.len() > 1 {
        text.push(')');
    }
    text
}

/// A moment that belongs to a place, with the date first as in a list: "2026-12-01 00:00 Tokyo". The same in every language.
pub fn dated(at: Timestamp, place: &TimeZone) -> String {
    let there = at.to_zoned(place.clone());
    format!("{} {}", there.date(), placed(&ENGLISH, &there))
}

/// Whether the other clock has just passed midnight.
fn is_the_night_after(there: &Zoned, here: &Zoned) -> bool {
    const MORNING: i8 = 6;
    there.date().tomorrow().is_ok_and(|next| next == here.date())
        && here.hour() < MORNING
        && there.hour() >= MORNING
}

/// A moment inside a sentence, with the place of the clock.
pub fn long(language: Language, time: Option<Timestamp>, now: &Zoned) -> String {
    let words = words(language);
    let Some(time) = time else { return words.later.to_owned() };
    if time <= now.timestamp() {
        return words.soon.to_owned();
    }
    let time = time.to_zoned(now.time_zone().clone());
    let at = format!("{} {} ({})", words.at, clock(words, &time), city(&time));
    match date(words, &time, now) {
        Some(date) => format!("{} {date} {at}", words.on),
        None => at,
    }
}

/// A moment in a table, where all times are on one clock.
pub fn short(language: Language, time: Timestamp, now: &Zoned) -> String {
    let words = words(language);
    if time <= now.timestamp() {
        return words.now.to_owned();
    }
    let time = time.to_zoned(now.time_zone().clone());
    let clock = clock(words, &time);
    match date(words, &time, now) {
        Some(date) => format!("{date} {clock}"),
        None => clock,
    }
}

fn words(language: Language) -> &'static Words {
    match language {
        Language::English => &ENGLISH,
        Language::Swedish => &SWEDISH,
    }
}

/// The weekday, with the date unless it is near.
fn day(words: &Words, time: &Zoned, now: &Zoned) -> String {
    let weekday = weekday(words, time);
    let ahead = time.date().duration_since(now.date()).as_hours() / 24;
    match date(words, time, now) {
        Some(date) if !(0..NAMED_DAYS).contains(&ahead) => format!("{weekday} {date}"),
        Some(_) | None => weekday.to_owned(),
    }
}

fn weekday(words: &Words, time: &Zoned) -> &'static str {
    let index = usize::try_from(time.weekday().to_monday_zero_offset()).expect("weekdays count from 0");
    words.weekdays[index]
}

/// Clock and city; the offset too where the clock shows this time twice.
fn placed(words: &Words, time: &Zoned) -> String {
    let placed = format!("{} {}", clock(words, time), city(time));
    let twice = time.time_zone().to_ambiguous_zoned(time.datetime()).is_ambiguous();
    if twice { format!("{placed} {}", offset(time.offset())) } else { placed }
}

fn clock(words: &Words, time: &Zoned) -> String {
    format!("{:02}{}{:02}", time.hour(), words.separator, time.minute())
}

/// The date, unless it is today; with the year, unless it is this one.
fn date(words: &Words, time: &Zoned, now: &Zoned) -> Option<String> {
    if time.date() == now.date() {
        return None;
    }
    let index = usize::try_from(time.month() - 1).expect("months count from 1");
    let day = format!("{} {}", time.day(), words.months[index]);
    Some(if time.year() == now.year() { day } else { format!("{day} {}", time.year()) })
}

/// The last part of the zone's name, "Buenos Aires". The offset where the zone has no name, and where its name is an offset, since
/// those are written the other way round: `Etc/GMT+5` is UTC-5.
fn city(time: &Zoned) -> String {
    match time.time_zone().iana_name() {
        Some("Etc/UTC" | "Etc/UCT" | "Etc/Universal" | "Etc/Zulu" | "Etc/Greenwich") => "UTC".to_owned(),
        Some(name) if !name.starts_with("Etc/") => name.rsplit('/').next().unwrap_or(name).replace('_', " "),
        Some(_) | None => offset(time.offset()),
    }
}

/// "UTC+10:30", "UTC-5", "UTC".
fn offset(offset: Offset) -> String {
    let minutes = offset.seconds() / 60;
    let (sign, hours, rest) = (if minutes < 0 { '-' } else { '+' }, minutes.abs() / 60, minutes.abs() % 60);
    match (hours, rest) {
        (0, 0) => "UTC".to_owned(),
        (_, 0) => format!("UTC{sign}{hours}"),
        (_, _) => format!("UTC{sign}{hours}:{rest:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it is said on 25 November 2026, a Wednesday, unless `now` says otherwise.
    fn check_from(now: &str, at: &str, place: &str, readers: &[&str], english: &str, swedish: &str) {
        let zone = |name: &str| TimeZone::get(name).unwrap();
        let readers: Vec<_> = readers.iter().map(|name| zone(name)).collect();
        let (at, now): (Timestamp, Timestamp) = (at.parse().unwrap(), now.parse().unwrap());
        for (language, expected) in [(Language::English, english), (Language::Swedish, swedish)] {
            assert_eq!(in_places(at, &zone(place), &readers, now, language), expected, "{at} {place}");
        }
    }

    fn check(at: &str, place: &str, readers: &[&str], english: &str, swedish: &str) {
        check_from("2026-11-25T12:00:00Z", at, place, readers, english, swedish);
    }

    #[test]
    fn a_date_in_a_list_is_that_of_its_place() {
        let check = |at: &str, place: &str, expected: &str| {
            assert_eq!(dated(at.parse().unwrap(), &TimeZone::get(place).unwrap()), expected);
        };
        check("2026-11-30T15:00:00Z", "Asia/Tokyo", "2026-12-01 00:00 Tokyo");
        check("2026-11-30T15:00:00Z", "Etc/UTC", "2026-11-30 15:00 UTC");
        check("2026-10-25T01:30:00Z", "Europe/Stockholm", "2026-10-25 02:30 Stockholm UTC+1");
    }

    #[test]
    fn a_moment_is_said_where_it_belongs_and_where_it_is_read() {
        check(
            "2026-11-27T16:00:00Z",
            "Europe/Stockholm",
            &["Asia/Tokyo"],
            "Friday 17:00 Stockholm (01:00 Tokyo)",
            "fredag 17.00 Stockholm (01.00 Tokyo)",
        );
        check(
            "2026-11-27T06:00:00Z",
            "Europe/Stockholm",
            &["Asia/Tokyo", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Seoul"],
            "Friday 07:00 Stockholm (15:00 Tokyo, 03:00 Buenos Aires)",
            "fredag 07.00 Stockholm (15.00 Tokyo, 03.00 Buenos Aires)",
        );
        check(
            "2026-11-27T06:00:00Z",
            "Europe/Stockholm",
            &["Europe/Stockholm"],
            "Friday 07:00 Stockholm",
            "fredag 07.00 Stockholm",
        );
    }

    #[test]
    fn the_date_is_said_when_the_weekday_is_not_enough() {
        let stockholm =
            |at: &str, english: &str, swedish: &str| check(at, "Europe/Stockholm", &[], english, swedish);
        stockholm("2026-11-25T16:00:00Z", "Wednesday 17:00 Stockholm", "onsdag 17.00 Stockholm");
        stockholm("2026-12-01T16:00:00Z", "Tuesday 17:00 Stockholm", "tisdag 17.00 Stockholm");
        stockholm(
            "2026-12-02T16:00:00Z",
            "Wednesday 2 December 17:00 Stockholm",
            "onsdag 2 december 17.00 Stockholm",
        );
        stockholm(
            "2026-11-24T16:00:00Z",
            "Tuesday 24 November 17:00 Stockholm",
            "tisdag 24 november 17.00 Stockholm",
        );
        stockholm(
            "2027-01-01T16:00:00Z",
            "Friday 1 January 2027 17:00 Stockholm",
            "fredag 1 januari 2027 17.00 Stockholm",
        );
    }

    #[test]
    fn a_gap_is_jumped_over_and_an_hour_that_comes_twice_is_told_apart() {
        let stockholm = |at: &str, english: &str, swedish: &str| {
            check_from(at, at, "Europe/Stockholm", &[], english, swedish);
        };
        stockholm("2027-03-28T00:59:00Z", "Sunday 01:59 Stockholm", "söndag 01.59 Stockholm");
        stockholm("2027-03-28T01:00:00Z", "Sunday 03:00 Stockholm", "söndag 03.00 Stockholm");
        stockholm("2027-10-31T00:30:00Z", "Sunday 02:30 Stockholm UTC+2", "söndag 02.30 Stockholm UTC+2");
        stockholm("2027-10-31T01:30:00Z", "Sunday 02:30 Stockholm UTC+1", "söndag 02.30 Stockholm UTC+1");
        stockholm("2027-10-31T02:00:00Z", "Sunday 03:00 Stockholm", "söndag 03.00 Stockholm");
        let check = |at: &str, place: &str, readers: &[&str], english: &str, swedish: &str| {
            check_from(at, at, place, readers, english, swedish);
        };
        check(
            "2027-03-14T06:59:00Z",
            "America/New_York",
            &[],
            "Sunday 01:59 New York",
            "söndag 01.59 New York",
        );
        check(
            "2027-03-14T07:00:00Z",
            "America/New_York",
            &[],
            "Sunday 03:00 New York",
            "söndag 03.00 New York",
        );
        check(
            "2027-11-07T05:30:00Z",
            "America/New_York",
            &["Europe/Stockholm"],
            "Sunday 01:30 New York UTC-4 (06:30 Stockholm)",
            "söndag 01.30 New York UTC-4 (06.30 Stockholm)",
        );
        check(
            "2027-04-03T15:15:00Z",
            "Australia/Lord_Howe",
            &[],
            "Sunday 01:45 Lord Howe UTC+10:30",
            "söndag 01.45 Lord Howe UTC+10:30",
        );
        check(
            "2027-10-02T15:30:00Z",
            "Australia/Lord_Howe",
            &[],
            "Sunday 02:30 Lord Howe",
            "söndag 02.30 Lord Howe",
        );
    }

    #[test]
    fn both_ends_of_a_jump_in_the_other_zone_are_told() {
        let jump = |at: &str, english: &str| {
            let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
            let (at, readers): (Timestamp, _) =
                (at.parse().unwrap(), [TimeZone::get("Europe/Stockholm").unwrap()]);
            assert_eq!(in_places(at, &tokyo, &readers, at, Language::English), english);
        };
        jump("2027-10-31T00:30:00Z", "Sunday 09:30 Tokyo (02:30 Stockholm UTC+2)");
        jump("2027-10-31T01:30:00Z", "Sunday 10:30 Tokyo (02:30 Stockholm UTC+1)");
    }

    #[test]
    fn a_day_that_an_island_never_had_is_not_said() {
        let apia = |at: &str, english: &str| {
            let (zone, at): (_, Timestamp) = (TimeZone::get("Pacific/Apia").unwrap(), at.parse().unwrap());
            let now = "2011-12-30T00:00:00Z".parse().unwrap();
            let readers = [TimeZone::get("Etc/UTC").unwrap()];
            assert_eq!(in_places(at, &zone, &readers, now, Language::English), english);
        };
        apia("2011-12-30T09:59:00Z", "Thursday 23:59 Apia (Friday 09:59 UTC)");
        apia("2011-12-30T10:00:00Z", "Saturday 00:00 Apia (Friday 10:00 UTC)");
    }

    #[test]
    fn places_are_cities_or_offsets() {
        let check = |zone: TimeZone, expected: &str| {
            let time = "2026-11-25T12:00:00Z".parse::<Timestamp>().unwrap().to_zoned(zone);
            assert_eq!(city(&time), expected);
        };
        check(TimeZone::UTC, "UTC");
        for (name, expected) in [
            ("Etc/UTC", "UTC"),
            ("Etc/GMT+5", "UTC-5"),
            ("America/North_Dakota/New_Salem", "New Salem"),
            ("Asia/Kathmandu", "Kathmandu"),
        ] {
            check(TimeZone::get(name).unwrap(), expected);
        }
        check(TimeZone::fixed(Offset::constant(5)), "UTC+5");
    }
}
