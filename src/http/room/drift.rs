//! What others have changed at Google, as a list on the pages of a reseller account and of an engineer. Not here: the pages.

use super::super::drift::sentence;
use super::super::views::Wording;
use super::parts::{engineer_link, moment};
use super::text::Text;
use crate::model::drift::{Action, Drift, Finding, Severity};
use crate::model::id::ResellerName;
use crate::model::person::Language;
use maud::{Markup, html};

/// Everything that is known of a reseller account.
pub(super) fn of_reseller(name: &ResellerName, drift: Option<&Drift>, wording: Wording) -> Markup {
    let language = wording.language;
    let Some(drift) = drift else { return html! { p { (Text::DriftUnknown.of(language)) } } };
    let findings: Vec<&Finding> = drift.findings.iter().collect();
    html! {
        p.quiet {
            (Text::LookedAt.of(language)) " " (moment(drift.checked_at)) "."
            @if let Some(at) = drift.look_again { " " (Text::LooksAgain.of(language)) " " (moment(at)) "." }
        }
        @if findings.is_empty() { p { (Text::NoDrift.of(language)) } }
        @else { (list(name, &findings, wording)) }
        @if drift.unlisted() > 0 { p { (Text::AndMore.of(language)) " " (drift.unlisted()) } }
    }
}

/// These findings, one a line.
pub(super) fn list(name: &ResellerName, findings: &[&Finding], wording: Wording) -> Markup {
    let language = wording.language;
    html! {
        ul.plain.drift { @for finding in findings {
            li.card {
                p { (mark(finding.kind.severity(), language)) " " (sentence(finding, name, wording)) }
                p.quiet {
                    @if let Some(engineer) = &finding.engineer { (engineer_link(engineer)) " · " }
                    (Text::Since.of(language)) ": " (moment(finding.since)) " · "
                    (done(finding.action).of(language)) " · "
                    code { (finding.id(name)) } " · " code { (finding.subject) }
                    @if !finding.detail.is_empty() { " · " code { (finding.detail) } }
                }
            }
        } }
    }
}

fn mark(severity: Severity, language: Language) -> Markup {
    let (class, text) = match severity {
        Severity::High => ("s you", Text::DriftHigh),
        Severity::Medium => ("s again", Text::DriftMedium),
        Severity::Low => ("s wait", Text::DriftLow),
    };
    html! { span class=(class) { (text.of(language)) } }
}

fn done(action: Action) -> Text {
    match action {
        Action::Repair => Text::DriftRepaired,
        Action::Ask => Text::DriftAsked,
        Action::Report => Text::DriftReported,
    }
}
