//! Keys as the tables hold them: texts whose bytes sort as the model does, and times as two numbers. Names have limited alphabets
//! (`model::id`) in which everything is greater than a blank, so a blank ends a name and sorts before all that goes on.
//! Not here: the tables (`migrations`), and what the documents say.

use crate::model::engineer::EventRef;
use crate::model::enrollment::{EnrollmentId, Lane};
use crate::model::id::EngineerKey;
use jiff::Timestamp;
use ring::digest::{Context, SHA256};

/// A time: microseconds since 1970, rounded down, and the nanoseconds beyond them.
pub type Time = (i64, i16);

const NANOS_IN_MICRO: i128 = 1000;

/// A row: `0 R`, `1 E d R D` or `1 E e`.
pub fn row(id: &EnrollmentId) -> String {
    match id {
        EnrollmentId::Reseller(reseller) => format!("0 {reseller}"),
        EnrollmentId::Domain(engineer, reseller, domain) => format!("1 {engineer} d {reseller} {domain}"),
        EnrollmentId::Engineer(engineer) => format!("1 {engineer} e"),
    }
}

/// What the keys of all rows of an engineer lie between.
pub fn rows_of(engineer: &EngineerKey) -> (String, String) {
    (format!("1 {engineer} "), format!("1 {engineer}!"))
}

/// A lane: `r R`, `l R` or `h`.
pub fn lane(lane: &Lane) -> String {
    match lane {
        Lane::Reseller(reseller) => format!("r {reseller}"),
        Lane::Leaving(reseller) => format!("l {reseller}"),
        Lane::House => "h".to_owned(),
    }
}

/// A received event. Its names come from outside and have no limited alphabet; the hash gives them one and a length.
pub fn received(event: &EventRef) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    context.update(&(event.source.len() as u64).to_be_bytes());
    context.update(event.source.as_bytes());
    context.update(event.id.as_bytes());
    context.finish().as_ref().to_vec()
}

/// A time.
pub fn time(at: Timestamp) -> Time {
    let nanos = at.as_nanosecond();
    let micros =
        i64::try_from(nanos.div_euclid(NANOS_IN_MICRO)).expect("jiff's years have five digits at most");
    let rest = i16::try_from(nanos.rem_euclid(NANOS_IN_MICRO)).expect("a remainder of 1000 fits");
    (micros, rest)
}

/// The time that two numbers stand for.
pub fn from_time((micros, nanos): Time) -> Option<Timestamp> {
    Timestamp::from_nanosecond(i128::from(micros) * NANOS_IN_MICRO + i128::from(nanos)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_the_model_does() {
        let names = ["0", "a", "a-b", "a-b-c", "ab", "z"];
        let mut wakes = Vec::new();
        for at in [
            Timestamp::MIN,
            "1969-12-31T23:59:59.999999999Z".parse().unwrap(),
            Timestamp::UNIX_EPOCH,
            Timestamp::MAX,
        ] {
            assert_eq!(from_time(time(at)), Some(at));
            wakes.push((at, "reseller/a".parse::<EnrollmentId>().unwrap()));
            for engineer in names {
                for domain in ["a.b", "a-b.c", "a.b-c", "ab.c"] {
                    wakes.push((at, format!("domain/{engineer}/a/{domain}").parse().unwrap()));
                }
            }
        }
        let mut by_model = wakes.clone();
        by_model.sort();
        wakes.sort_by_key(|(at, id)| (time(*at), row(id)));
        assert_eq!(wakes, by_model);
    }

    #[test]
    fn no_range_holds_a_strangers_key() {
        let [short, long] = ["E-1", "E-11"].map(|key| key.parse::<EngineerKey>().unwrap());
        let (from, to) = rows_of(&short);
        let within = |id: &str| (from.clone()..to.clone()).contains(&row(&id.parse().unwrap()));
        assert!(within("engineer/E-1") && within("domain/E-1/a/a.b"));
        assert!(!within("engineer/E-11") && !within("domain/E-1-1/a/a.b") && !within("domain/E-1.1/a/a.b"));
        assert_ne!(rows_of(&long), (from, to));
        let event = |source: &str, id: &str| EventRef { source: source.to_owned(), id: id.to_owned() };
        assert_ne!(received(&event("ab", "c")), received(&event("a", "bc")));
    }
}
