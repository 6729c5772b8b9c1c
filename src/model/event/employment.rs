//! A spell of employment as an event names it, and the moments that follow from its dates in its own time zone.
//! Not here: how long before a start the work begins (`model/statement`).

use super::ReasonCode;
use super::fields::{self, Fields};
use crate::model::id::EmploymentId;
use crate::model::time_zone::TimeZoneName;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

/// A spell of employment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Employment {
    /// New for each spell: tells a rehire from a duplicate.
    pub id: EmploymentId,
    /// The first day, in `time_zone`.
    pub start: Option<Date>,
    /// The last day, in `time_zone`; the employment lasts to its end.
    pub last_day: Option<Date>,
    /// The moment at which what the event says begins to be so; stronger than the date that the type of event is about.
    pub effective_at: Option<Timestamp>,
    /// The zone in which dates are meant.
    pub time_zone: TimeZoneName,
    /// Whether it is to be done at once, whatever the dates say.
    pub immediate: bool,
}

impl Employment {
    /// When the employment begins, as a `joined` says it: the given moment, else the start of the first day where it is meant; `None`
    /// where HR gave neither, which means at once. A midnight that a change of clocks leaves out is the first moment after it.
    pub fn starts_at(&self) -> Option<Timestamp> {
        self.effective_at.or_else(|| self.first_moment())
    }

    /// The start of the first day.
    pub fn first_moment(&self) -> Option<Timestamp> {
        self.start.and_then(|day| self.beginning_of(day))
    }

    /// The end of the last day.
    pub fn last_moment(&self) -> Option<Timestamp> {
        let next = self.last_day.and_then(|day| day.checked_add(1.day()).ok());
        next.and_then(|day| self.beginning_of(day))
    }

    /// Whether what a full state says would begin to be so after the last day.
    pub fn begins_after_its_end(&self) -> bool {
        self.effective_at.zip(self.last_moment()).is_some_and(|(begins, ends)| begins >= ends)
    }

    /// When a `left` takes effect: at once if it is urgent, else at the given moment, else at the end of the last day; `None`, at once,
    /// where HR gave neither.
    pub fn leaves_at(&self) -> Option<Timestamp> {
        if self.immediate { None } else { self.effective_at.or_else(|| self.last_moment()) }
    }

    fn beginning_of(&self, day: Date) -> Option<Timestamp> {
        day.to_zoned(self.time_zone.time_zone()).ok().map(|zoned| zoned.timestamp())
    }
}

/// Reads the employment; `None` only with at least one fault noted.
pub(super) fn read(fields: &mut Fields<'_, '_>) -> Option<Employment> {
    let id = fields.required("id", |value| {
        EmploymentId::parse(fields::text(value)?).map_err(|_| ReasonCode::InvalidEmploymentId)
    });
    let start = fields.optional("startDate", fields::date);
    let last_day = fields.optional("lastDay", fields::date);
    let effective_at = fields.optional("effectiveAt", fields::timestamp);
    let time_zone = fields.required("timeZone", |value| {
        TimeZoneName::parse(fields::text(value)?).map_err(|_| ReasonCode::UnknownTimeZone)
    });
    let immediate = fields.optional("urgency", |value| match fields::text(value)? {
        "normal" => Ok(false),
        "immediate" => Ok(true),
        _ => Err(ReasonCode::UnknownUrgency),
    });
    if start.zip(last_day).is_some_and(|(start, last)| last < start) {
        fields.refuse("lastDay", ReasonCode::DatesReversed);
    }
    Some(Employment {
        id: id?,
        start,
        last_day,
        effective_at,
        time_zone: time_zone?,
        immediate: immediate == Some(true),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn employment(dates: [&str; 3], zone: &str) -> Employment {
        let date = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap());
        Employment {
            id: "E-1/1".parse().unwrap(),
            start: date(dates[0]),
            last_day: date(dates[1]),
            effective_at: (!dates[2].is_empty()).then(|| dates[2].parse().unwrap()),
            time_zone: TimeZoneName::parse(zone).unwrap(),
            immediate: false,
        }
    }

    /// Dates are start, last day and moment; expected are the beginning of a joiner and the end of a leaver, in UTC.
    fn check(dates: [&str; 3], zone: &str, starts: &str, leaves: &str) {
        let employment = employment(dates, zone);
        let text = |at: Option<Timestamp>| at.map_or(String::new(), |at| at.to_string());
        assert_eq!(
            (text(employment.starts_at()).as_str(), text(employment.leaves_at()).as_str()),
            (starts, leaves)
        );
    }

    #[test]
    fn dates_are_meant_in_their_own_zone() {
        check(["2026-12-01", "", ""], "Europe/Stockholm", "2026-11-30T23:00:00Z", "");
        check(["2026-12-01", "", ""], "Asia/Tokyo", "2026-11-30T15:00:00Z", "");
        check(["", "2026-12-04", ""], "Europe/Stockholm", "", "2026-12-04T23:00:00Z");
        check(
            ["", "", "2026-12-15T00:00:00+01:00"],
            "Europe/Stockholm",
            "2026-12-14T23:00:00Z",
            "2026-12-14T23:00:00Z",
        );
        check(["", "", ""], "UTC", "", "");
    }

    /// The clocks change on these days: 23 hours, 25 hours, a midnight that does not exist, a day that does not.
    #[test]
    fn a_day_lasts_as_long_as_the_clocks_there_say() {
        check(
            ["2027-03-28", "2027-03-28", ""],
            "Europe/Stockholm",
            "2027-03-27T23:00:00Z",
            "2027-03-28T22:00:00Z",
        );
        check(
            ["2027-10-31", "2027-10-31", ""],
            "Europe/Stockholm",
            "2027-10-30T22:00:00Z",
            "2027-10-31T23:00:00Z",
        );
        check(["2017-10-15", "", ""], "America/Sao_Paulo", "2017-10-15T03:00:00Z", "");
        check(
            ["2011-12-30", "2011-12-29", ""],
            "Pacific/Apia",
            "2011-12-30T10:00:00Z",
            "2011-12-30T10:00:00Z",
        );
    }

    #[test]
    fn who_leaves_at_once_waits_for_no_date() {
        let at_once = Employment { immediate: true, ..employment(["", "2026-12-04", ""], "Asia/Tokyo") };
        assert_eq!(at_once.leaves_at(), None);
    }
}
