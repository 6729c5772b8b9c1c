//! Moments as a person says them, on the clock of the reader: "at 10:16 (Stockholm)", with the date unless it is today.
//! Not here: the clock; now and the zone are arguments.

use super::tongue::Tongue;
use jiff::{Timestamp, Zoned};

/// A moment inside a sentence, with the place of the clock.
pub(super) fn long(tongue: &Tongue, time: Option<Timestamp>, now: &Zoned) -> String {
    let words = &tongue.moments;
    let Some(time) = time else { return words.later.to_owned() };
    if time <= now.timestamp() {
        return words.soon.to_owned();
    }
    let time = time.to_zoned(now.time_zone().clone());
    let at = format!("{} {} ({})", words.at, clock(tongue, &time), city(&time));
    match date(tongue, &time, now) {
        Some(date) => format!("{} {date} {at}", words.on),
        None => at,
    }
}

/// A moment in a table, where all times are on one clock.
pub(super) fn short(tongue: &Tongue, time: Timestamp, now: &Zoned) -> String {
    if time <= now.timestamp() {
        return tongue.moments.now.to_owned();
    }
    let time = time.to_zoned(now.time_zone().clone());
    let clock = clock(tongue, &time);
    match date(tongue, &time, now) {
        Some(date) => format!("{date} {clock}"),
        None => clock,
    }
}

fn clock(tongue: &Tongue, time: &Zoned) -> String {
    format!("{:02}{}{:02}", time.hour(), tongue.moments.separator, time.minute())
}

/// The date, unless it is today; with the year, unless it is this one.
fn date(tongue: &Tongue, time: &Zoned, now: &Zoned) -> Option<String> {
    if time.date() == now.date() {
        return None;
    }
    let index = usize::try_from(time.month() - 1).expect("months count from 1");
    let day = format!("{} {}", time.day(), tongue.moments.months[index]);
    Some(if time.year() == now.year() { day } else { format!("{day} {}", time.year()) })
}

/// The last part of the zone's name, "Stockholm"; the offset where the zone has no name.
fn city(time: &Zoned) -> String {
    match time.time_zone().iana_name() {
        Some(name) => name.rsplit('/').next().unwrap_or(name).replace('_', " "),
        None => time.offset().to_string(),
    }
}
