//! Pieces that several pages share: times, values to copy, the form of an order. Not here: whole pages.

use super::super::Api;
use super::text::Text;
use super::visitor::{PROOF, Visitor};
use crate::model::calendar::moment::dated;
use crate::model::failure::Prefilled;
use crate::model::id::EngineerKey;
use crate::model::message::Message;
use crate::model::person::Language;
use crate::model::time_zone::TimeZoneName;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

/// The longest reason, as the field says it; the order counts itself.
use super::super::orders::REASON_MAX;

/// A button of an order.
pub(super) struct Button {
    pub(super) word: &'static str,
    pub(super) text: Text,
    /// The one that is most likely meant.
    pub(super) is_main: bool,
}

/// A moment in UTC, to the minute; the script adds the reader's own clock.
pub(super) fn moment(at: Timestamp) -> Markup {
    let shown = at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string();
    html! { time datetime=(at) { (shown) } }
}

/// A first day on the clock of its place, where that is known: in Tokyo it is the first while it is the last of the month before in UTC.
pub(super) fn first_day(at: Timestamp, place: Option<&TimeZoneName>) -> Markup {
    match place {
        Some(place) => html! { time datetime=(at) { (dated(at, &place.time_zone())) } },
        None => moment(at),
    }
}

/// A length of time, in its two largest units.
pub(super) fn length(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// That the broker is away or takes nothing, what that means, and why it is; nothing while all is well.
pub(super) fn broker_away(api: &Api, language: Language) -> Markup {
    let status = (api.status)();
    html! { @if let Some(why) = status.broker_away() { (away(why, api.takes_events, language)) } }
}

fn away(why: &str, takes_events: bool, language: Language) -> Markup {
    let other_door = if takes_events { Text::OtherDoor } else { Text::OtherDoorShut };
    html! {
        div.trouble {
            p { (Text::BrokerAway.of(language)) " " (other_door.of(language)) }
            @if !why.is_empty() { p.quiet { (Text::Evidence.of(language)) ": " code { (why) } } }
        }
    }
}

/// The page of an engineer.
pub(super) fn engineer_link(key: &EngineerKey) -> Markup {
    html! { a href={ "/engineers/" (key) } { (key) } }
}

/// What is so, what happens next, what you can do.
pub(super) fn sentences(message: &Message, language: Language) -> Markup {
    html! {
        dl {
            dt { (Text::So.of(language)) } dd { (message.so) }
            dt { (Text::Next.of(language)) } dd { (message.next) }
            dt { (Text::You.of(language)) } dd { strong { (message.you) } }
        }
    }
}

/// Values that a form of Google's asks for; `id` is the card's own, so that each button names one value.
pub(super) fn values(id: &str, values: &[Prefilled], paste: Option<&str>, language: Language) -> Markup {
    let copy = |target: &str, what: &str| {
        html! {
            button.small type="button" data-copy=(target) aria-label={ (Text::Copy.of(language)) ": " (what) } hidden {
                (Text::Copy.of(language))
            }
        }
    };
    html! {
        @if !values.is_empty() {
            dl {
                @for (number, value) in values.iter().enumerate() {
                    @let target = format!("{id}-value-{number}");
                    dt { (value.name.replace('_', " ")) }
                    dd.copy { code id=(target) { (value.value) } (copy(&target, &value.name)) }
                }
            }
        }
        @if let Some(paste) = paste {
            @let target = format!("{id}-paste");
            p.quiet { (Text::Paste.of(language)) }
            div.copy { pre id=(target) { (paste) } (copy(&target, Text::PasteShort.of(language))) }
        }
    }
}

/// A form that orders something: it asks for a reason, and carries the proof of its session. `id` is unique on the page, `about` names the
/// thing for whoever hears the page.
pub(super) fn order(
    visitor: &Visitor,
    id: &str,
    action: &str,
    about: &str,
    more: &Markup,
    buttons: &[Button],
) -> Markup {
    let language = visitor.language();
    html! {
        form.order method="post" action=(action) aria-label=(about) {
            input type="hidden" name=(PROOF) value=(visitor.session.proof);
            (more)
            div.field {
                label for={ (id) "-reason" } { (Text::Reason.of(language)) }
                input id={ (id) "-reason" } name="reason" type="text" required maxlength=(REASON_MAX) autocomplete="off";
            }
            div.buttons {
                @for button in buttons {
                    button type="submit" name="order" value=(button.word) class=[button.is_main.then_some("main")] { (button.text.of(language)) }
                }
            }
        }
    }
}

/// Why there are no buttons.
pub(super) fn only_looking(language: Language) -> Markup {
    html! { p.quiet { (Text::OnlyLooking.of(language)) } }
}

/// The way through a list that comes in parts.
pub(super) fn pager(first: Option<&str>, next: Option<&str>, language: Language) -> Markup {
    html! {
        @if first.is_some() || next.is_some() {
            nav.next aria-label=(Text::Parts.of(language)) {
                @if let Some(first) = first { a id="first-part" href=(first) rel="first" { "← " (Text::FirstPart.of(language)) } }
                @if let Some(next) = next { a id="next-part" href=(next) rel="next" { (Text::NextPart.of(language)) " →" } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_button_that_names_it() {
        let value = |name: &str, value: &str| Prefilled { name: name.to_owned(), value: value.to_owned() };
        let given = [value("customer_id", "C01\"<b>"), value("org_unit", "/Care")];
        let shown = values("T-1", &given, Some("a = 1"), Language::English).into_string();
        for id in ["T-1-value-0", "T-1-value-1", "T-1-paste"] {
            let (named, copied) = (format!("id=\"{id}\""), format!("data-copy=\"{id}\""));
            assert!(shown.contains(&named) && shown.contains(&copied), "{id}: {shown}");
        }
        assert!(
            shown.contains(">C01&quot;&lt;b&gt;<") && shown.contains("aria-label=\"Copy: org_unit\" hidden"),
            "{shown}"
        );
    }

    #[test]
    fn a_first_day_is_that_of_its_place_where_it_is_known() {
        let at = "2026-11-30T15:00:00Z".parse().unwrap();
        let shown = |place: Option<&str>| {
            let place = place.map(|name| TimeZoneName::parse(name).unwrap());
            first_day(at, place.as_ref()).into_string()
        };
        let time = |words: &str| format!("<time datetime=\"2026-11-30T15:00:00Z\">{words}</time>");
        assert_eq!(shown(Some("Asia/Tokyo")), time("2026-12-01 00:00 Tokyo"));
        assert_eq!(shown(None), time("2026-11-30 15:00 UTC"));
    }

    #[test]
    fn a_length_is_said_in_two_units() {
        let check = |seconds, expected: &str| assert_eq!(length(seconds), expected);
        check(-5, "0 s");
        check(59, "59 s");
        check(61, "1 min 1 s");
        check(3_600, "1 h 0 min");
        check(90_000, "1 d 1 h");
    }

    #[test]
    fn another_door_is_named_as_it_is() {
        for language in [Language::English, Language::Swedish] {
            let (open, shut) =
                (away("why", true, language).into_string(), away("", false, language).into_string());
            assert!(open.contains("<code>why</code>") && !open.contains("intake.http.enabled"), "{open}");
            assert!(shut.contains("intake.http.enabled") && !shut.contains("<code>"), "{shut}");
        }
    }
}
