//! The name of an IANA time zone that exists in the database compiled into carepass. A table look-up and no
//! I/O: the system's zone files are deliberately not read, so that every replica agrees.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A zone such as `Europe/Stockholm`, in the database's own spelling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct TimeZoneName(String);

/// The text names no time zone. Carries no value, so that it may be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an IANA time zone like Europe/Stockholm")]
pub struct UnknownTimeZone;

impl TimeZoneName {
    /// Looks the name up; letter case does not matter.
    pub fn parse(text: &str) -> Result<Self, UnknownTimeZone> {
        let zone = TimeZoneDatabase::bundled().get(text).map_err(|_| UnknownTimeZone)?;
        zone.iana_name().map(|name| Self(name.to_owned())).ok_or(UnknownTimeZone)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The zone's rules.
    ///
    /// # Panics
    /// Never: a parsed name came from the same compiled-in database.
    pub fn time_zone(&self) -> TimeZone {
        TimeZoneDatabase::bundled().get(&self.0).expect("a parsed name is in the compiled-in database")
    }
}

impl TryFrom<String> for TimeZoneName {
    type Error = UnknownTimeZone;
    fn try_from(text: String) -> Result<Self, UnknownTimeZone> {
        Self::parse(&text)
    }
}

impl From<TimeZoneName> for String {
    fn from(name: TimeZoneName) -> String {
        name.0
    }
}

impl fmt::Display for TimeZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_zones_that_exist_have_names() {
        for good in ["Europe/Stockholm", "Asia/Tokyo", "UTC", "America/Argentina/Buenos_Aires"] {
            assert_eq!(TimeZoneName::parse(good).unwrap().as_str(), good);
        }
        assert_eq!(TimeZoneName::parse("europe/stockholm").unwrap().as_str(), "Europe/Stockholm");
        for bad in ["", "Stockholm", "Europe/Atlantis", "+01:00", "../../etc/passwd", "Europe/Stockholm\n"] {
            assert_eq!(TimeZoneName::parse(bad), Err(UnknownTimeZone), "{bad:?}");
        }
    }
}
