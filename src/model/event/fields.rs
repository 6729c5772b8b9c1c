//! Taking typed values out of a JSON object without stopping at the first fault: a field that is missing or
//! wrong is noted with its place, and the reading goes on. Not here: which fields there are.

use super::ReasonCode;
use super::fault::Faults;
use crate::model::person::name::is_unseen;
use crate::planted::planted;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

/// The years a date may be in: an event about another century is a mistake.
const YEARS: std::ops::RangeInclusive<i16> = 2000..=2100;

/// Longest text of a date or time, in bytes.
const TIME_TEXT_MAX: usize = 64;

/// An object that is being read, and its place.
pub(super) struct Fields<'v, 'f> {
    object: &'v Map<String, Value>,
    place: String,
    faults: &'f mut Faults,
}

impl<'v, 'f> Fields<'v, 'f> {
    pub(super) fn new(object: &'v Map<String, Value>, place: &str, faults: &'f mut Faults) -> Self {
        Self { object, place: place.to_owned(), faults }
    }

    /// The names of the object's fields.
    pub(super) fn names(&self) -> impl Iterator<Item = &'v str> + use<'v> {
        self.object.keys().map(String::as_str)
    }

    /// Notes a fault of a field.
    pub(super) fn refuse(&mut self, name: &str, code: ReasonCode) {
        self.faults.add(format!("{}/{name}", self.place), code);
    }

    /// A field that must be there. `None`: its fault is noted.
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&'v Value) -> Result<T, ReasonCode>,
    ) -> Option<T> {
        if !self.object.contains_key(name) {
            self.refuse(name, ReasonCode::MissingField);
        }
        self.optional(name, parse)
    }

    /// A field that may be left out. `None`: left out, or its fault is noted.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&'v Value) -> Result<T, ReasonCode>,
    ) -> Option<T> {
        match parse(self.object.get(name)?) {
            Ok(value) => Some(value),
            Err(code) => {
                self.refuse(name, code);
                None
            }
        }
    }

    /// An object that must be there.
    pub(super) fn object(&mut self, name: &str) -> Option<Fields<'v, '_>> {
        let object = self.required(name, object)?;
        Some(Fields { object, place: format!("{}/{name}", self.place), faults: self.faults })
    }

    /// An object that may be left out.
    pub(super) fn optional_object(&mut self, name: &str) -> Option<Fields<'v, '_>> {
        if self.object.contains_key(name) { self.object(name) } else { None }
    }
}

pub(super) fn text(value: &Value) -> Result<&str, ReasonCode> {
    value.as_str().ok_or(ReasonCode::WrongType)
}

/// Text of people: 1 to `max` characters, all of which can be seen.
pub(super) fn visible_text(value: &Value, max: usize) -> Result<String, ReasonCode> {
    let text = text(value)?;
    let sound = !text.trim().is_empty() && text.len() <= max * 4 && text.chars().count() <= max;
    if sound && !text.chars().any(is_unseen) { Ok(text.to_owned()) } else { Err(ReasonCode::InvalidText) }
}

/// A time with its offset (RFC 3339).
pub(super) fn timestamp(value: &Value) -> Result<Timestamp, ReasonCode> {
    let text = text(value)?;
    if text.len() > TIME_TEXT_MAX || !is_date_time(text) && !planted!(TimesOfAnyForm) {
        return Err(ReasonCode::InvalidTime);
    }
    let time: Timestamp = text.parse().map_err(|_| ReasonCode::InvalidTime)?;
    year_in_range(time.to_zoned(TimeZone::UTC).year()).map(|()| time)
}

/// Whether the text has the form `date-time`. The reader of times takes more, such as a zone in brackets that contradicts the offset, and
/// other readers of the same event do not.
fn is_date_time(text: &str) -> bool {
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let Some((stamp, rest)) = text.as_bytes().split_at_checked(FORM.len()) else { return false };
    let fits = |(byte, sign): (&u8, &u8)| match sign {
        b'0' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b't' | b' '),
        sign => byte == sign,
    };
    let digits =
        rest.strip_prefix(b".").map(|rest| rest.iter().take_while(|byte| byte.is_ascii_digit()).count());
    let offset = match &rest[digits.map_or(0, |digits| digits + 1)..] {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', hour, ten, b':', minute, one] => {
            [hour, ten, minute, one].iter().all(|byte| byte.is_ascii_digit())
        }
        _ => false,
    };
    stamp.iter().zip(FORM).all(fits) && digits != Some(0) && offset
}

/// A date of the calendar in the one form of RFC 3339: `full-date`.
pub(super) fn date(value: &Value) -> Result<jiff::civil::Date, ReasonCode> {
    let text = text(value)?;
    let has_form = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let parsed = has_form.then(|| text.parse::<jiff::civil::Date>().ok()).flatten();
    let date = parsed.ok_or(ReasonCode::InvalidDate)?;
    year_in_range(date.year()).map(|()| date)
}

fn object(value: &Value) -> Result<&Map<String, Value>, ReasonCode> {
    value.as_object().ok_or(ReasonCode::WrongType)
}

fn year_in_range(year: i16) -> Result<(), ReasonCode> {
    if YEARS.contains(&year) { Ok(()) } else { Err(ReasonCode::TimeOutOfRange) }
}
