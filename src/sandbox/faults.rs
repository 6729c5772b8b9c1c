//! Fault rules: which calls go wrong, and how. Set over `POST /_sandbox/faults`, one rule or a list of them.
//! Not here: carrying out a delay or a cut connection; that needs the socket.

use super::call::{Answer, Body, Call};
use super::clock::Millis;
use super::error::Refusal;
use regex_lite::Regex;
use serde::Deserialize;
use serde_json::Value;

/// Rules in force at one time.
const RULES_MOST: usize = 1_000;
/// The longest `path_regex` that is read, in bytes.
const REGEX_MOST: usize = 512;
/// The longest delay: ten minutes.
const DELAY_MOST_MS: u64 = 600_000;

/// The rules in force, with their counters and their chance.
#[derive(Debug)]
pub struct Faults {
    rules: Vec<Counted>,
    chance: fastrand::Rng,
}

/// A rule as it is set. All parts of `match` must hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which calls.
    #[serde(default, rename = "match")]
    wanted: Match,
    /// What happens to them.
    #[serde(rename = "do")]
    action: Action,
    /// How often at most; absent: for ever.
    #[serde(default)]
    times: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Match {
    method: Option<String>,
    /// Against the path as it was sent, without the query; in the syntax of the crate `regex-lite`; no anchor means "anywhere".
    path_regex: Option<String>,
    /// Only the n-th call that matches, from 1.
    nth: Option<u64>,
    /// Every n-th call that matches.
    every: Option<u64>,
    /// 0 to 1, from the world's seed.
    probability: Option<f64>,
    /// `C…` id.
    customer: Option<String>,
}

/// What a rule does.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "they are switches of a rule, and most go together")]
pub struct Action {
    /// The call has no effect; the answer is the failure.
    pub fail_before: bool,
    /// The call has its effect; the answer is the failure all the same.
    pub fail_after: bool,
    /// HTTP status of the failure; 503 when absent.
    pub status: Option<u16>,
    /// Google's reason; fitting to the status when absent.
    pub reason: Option<String>,
    /// `error.message`.
    pub message: Option<String>,
    /// The body instead of Google's envelope: a text becomes a page, anything else JSON.
    pub body: Option<Value>,
    /// `Retry-After` in seconds.
    pub retry_after: Option<u64>,
    /// The answer comes this much later; the effect does not.
    pub delay_ms: u64,
    /// The connection is closed without an answer.
    pub reset: bool,
    /// Reads are answered from the world as it was so long ago.
    pub stale_ms: Option<u64>,
    /// In which form the failure says it; Google's classic one when absent.
    pub envelope: Option<Form>,
    /// The body comes in pieces, so many milliseconds apart.
    pub drip_ms: u64,
    /// The connection breaks off in the middle of the body.
    pub truncate: bool,
    /// `Content-Type` instead of the true one.
    pub content_type: Option<String>,
}

/// The forms in which Google's back ends, and what stands before them, say no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// `errors[]` with a reason.
    Classic,
    /// `status`, and no `errors[]`.
    Esf,
    /// The message as plain text.
    Plain,
}

#[derive(Debug)]
struct Counted {
    rule: Rule,
    path: Option<Regex>,
    matched: u64,
    fired: u64,
}

impl Faults {
    /// No rules; chance from a seed.
    pub fn new(seed: u64) -> Self {
        Self { rules: Vec::new(), chance: fastrand::Rng::with_seed(seed) }
    }

    /// Adds one rule or a list of them; none when one is faulty, and then every fault is named.
    pub fn add(&mut self, body: &Value) -> Result<usize, Vec<String>> {
        let list = body.as_array().cloned().unwrap_or_else(|| vec![body.clone()]);
        if self.rules.len() + list.len() > RULES_MOST {
            return Err(vec![format!("more than {RULES_MOST} rules")]);
        }
        let (mut rules, mut problems) = (Vec::new(), Vec::new());
        for (index, rule) in list.into_iter().enumerate() {
            match counted(rule) {
                Ok(rule) => rules.push(rule),
                Err(problem) => problems.push(format!("rule {index}: {problem}")),
            }
        }
        if problems.is_empty() {
            self.rules.extend(rules);
            Ok(self.rules.len())
        } else {
            Err(problems)
        }
    }

    /// Drops every rule.
    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// Whether some rule needs the past.
    pub fn needs_history(&self) -> bool {
        self.rules.iter().any(|counted| counted.rule.action.stale_ms.is_some())
    }

    /// The action for a call, if a rule fires: the first that does. Every rule that the call matches counts it, whichever acts.
    pub fn strike(&mut self, call: &Call, customer: Option<&str>) -> Option<Action> {
        let mut action = None;
        for counted in &mut self.rules {
            let fires = counted.matches(call, customer) && counted.fires(&mut self.chance);
            if fires && action.is_none() {
                counted.fired += 1;
                action = Some(counted.rule.action.clone());
            }
        }
        action
    }
}

impl Counted {
    fn matches(&self, call: &Call, customer: Option<&str>) -> bool {
        let wanted = &self.rule.wanted;
        wanted.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(&call.method))
            && self.path.as_ref().is_none_or(|path| path.is_match(&call.path))
            && wanted.customer.as_ref().is_none_or(|id| Some(id.as_str()) == customer)
            && self.rule.times.is_none_or(|times| self.fired < times)
    }

    fn fires(&mut self, chance: &mut fastrand::Rng) -> bool {
        self.matched += 1;
        let wanted = &self.rule.wanted;
        wanted.nth.is_none_or(|nth| nth == self.matched)
            && wanted.every.is_none_or(|every| self.matched.is_multiple_of(every))
            && wanted.probability.is_none_or(|probability| chance.f64() < probability)
    }
}

impl Action {
    /// Whether the call must not have its effect.
    pub fn prevents(&self) -> bool {
        !self.fail_after && self.fails()
    }

    /// Whether the answer is a failure, or none at all.
    pub fn fails(&self) -> bool {
        self.fail_before || self.fail_after || self.reset || self.status.is_some() || self.body.is_some()
    }

    /// The failure as an answer.
    pub fn failure(&self) -> Answer {
        let status = self.status.unwrap_or(503);
        let (usual, text) = usual(status);
        let reason = self.reason.clone().unwrap_or_else(|| usual.to_owned());
        let message = self.message.clone().unwrap_or_else(|| text.to_owned());
        let mut answer = match self.envelope.unwrap_or(Form::Classic) {
            Form::Classic => Answer::from(Refusal::new(status, &reason, message)),
            Form::Esf => {
                let reason = self.reason.as_deref().unwrap_or_else(|| canonical(status));
                Answer::from(Refusal::with_status(status, reason, message))
            }
            Form::Plain => Answer { reason: Some(reason), ..Answer::text(status, message) },
        };
        match &self.body {
            Some(Value::String(page)) => answer.body = Body::Html(page.clone()),
            Some(body) => answer.body = Body::Json(body.clone()),
            None => {}
        }
        answer.retry_after = self.retry_after;
        answer
    }

    /// How the answer travels, whatever it says.
    pub fn deliver(&self, mut answer: Answer) -> Answer {
        answer.delivery.drip_ms = self.drip_ms.min(DELAY_MOST_MS);
        answer.delivery.truncated = self.truncate;
        if self.content_type.is_some() {
            answer.delivery.content_type.clone_from(&self.content_type);
        }
        answer
    }

    /// How long the answer is held back, in milliseconds.
    pub fn delay_ms(&self) -> u64 {
        self.delay_ms.min(DELAY_MOST_MS)
    }

    /// How old the world is that a read sees.
    pub fn staleness(&self) -> Option<Millis> {
        self.stale_ms.map(|age| Millis::try_from(age).unwrap_or(Millis::MAX))
    }
}

/// What Google says with a status when nothing else is known.
fn usual(status: u16) -> (&'static str, &'static str) {
    match status {
        400 => ("badRequest", "Bad Request"),
        401 => ("authError", "Invalid Credentials"),
        403 => ("forbidden", "Not Authorized to access this resource/api"),
        404 => ("notFound", "Not Found"),
        409 => ("duplicate", "Entity already exists."),
        412 => ("conditionNotMet", "Precondition Failed"),
        429 => ("rateLimitExceeded", "Quota exceeded for quota metric 'Queries'"),
        500 => ("internalError", "Internal error encountered."),
        502 => ("badGateway", "Bad Gateway"),
        504 => ("gatewayTimeout", "Gateway Timeout"),
        _ => ("backendError", "Service unavailable. Please try again"),
    }
}

/// The newer back ends' word for a status.
fn canonical(status: u16) -> &'static str {
    match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ALREADY_EXISTS",
        412 => "FAILED_PRECONDITION",
        429 => "RESOURCE_EXHAUSTED",
        500 => "INTERNAL",
        504 => "DEADLINE_EXCEEDED",
        _ => "UNAVAILABLE",
    }
}

fn counted(value: Value) -> Result<Counted, String> {
    let rule: Rule = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let action = &rule.action;
    if action.fail_before && action.fail_after {
        return Err("do: fail_before and fail_after exclude each other".into());
    }
    if action == &Action::default() {
        return Err("do: nothing is asked for".into());
    }
    if action.status.is_some_and(|status| !(200..=599).contains(&status)) {
        return Err("do.status: not between 200 and 599".into());
    }
    if action.delay_ms.max(action.drip_ms) > DELAY_MOST_MS {
        return Err(format!("do.delay_ms, do.drip_ms: more than {DELAY_MOST_MS}"));
    }
    if rule.wanted.nth == Some(0) || rule.wanted.every == Some(0) {
        return Err("match: nth and every count from 1".into());
    }
    if rule.wanted.probability.is_some_and(|chance| !(0.0..=1.0).contains(&chance)) {
        return Err("match.probability: not between 0 and 1".into());
    }
    let path = rule.wanted.path_regex.as_deref().map(regex).transpose()?;
    Ok(Counted { rule, path, matched: 0, fired: 0 })
}

fn regex(text: &str) -> Result<Regex, String> {
    if text.len() > REGEX_MOST {
        return Err(format!("match.path_regex: longer than {REGEX_MOST} bytes"));
    }
    Regex::new(text).map_err(|error| format!("match.path_regex: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Which of ten equal calls are struck by a rule, counted from 1.
    fn struck(rule: &Value) -> Vec<u32> {
        let mut faults = Faults::new(7);
        faults.add(rule).unwrap();
        let call = Call { method: "GET".into(), path: "/a/b".into(), ..Call::default() };
        (1..=10).filter(|_| faults.strike(&call, Some("C1")).is_some()).collect()
    }

    #[test]
    fn rules_fire_when_asked() {
        let fail = json!({"fail_before": true});
        assert_eq!(struck(&json!({"do": fail})).len(), 10);
        assert_eq!(struck(&json!({"match": {"nth": 3}, "do": fail})), [3]);
        assert_eq!(struck(&json!({"match": {"every": 4}, "do": fail})), [4, 8]);
        assert_eq!(struck(&json!({"do": fail, "times": 2})), [1, 2]);
        assert_eq!(struck(&json!({"match": {"method": "post"}, "do": fail})), [0; 0]);
        assert_eq!(struck(&json!({"match": {"path_regex": "/b$", "customer": "C1"}, "do": fail})).len(), 10);
        assert_eq!(struck(&json!({"match": {"customer": "C2"}, "do": fail})), [0; 0]);
        let half = json!({"match": {"probability": 0.5}, "do": fail});
        assert_eq!(struck(&half), struck(&half), "chance comes from the seed");
        assert!((1..10).contains(&struck(&half).len()));
    }

    #[test]
    fn every_rule_counts_whichever_acts() {
        let mut faults = Faults::new(7);
        let rule = |status: u16, wanted: Value| json!({"match": wanted, "do": {"status": status}});
        faults
            .add(&json!([
                rule(500, json!({"every": 2})),
                rule(501, json!({"nth": 3})),
                rule(502, json!({"nth": 4}))
            ]))
            .unwrap();
        let call = Call { method: "GET".into(), path: "/a/b".into(), ..Call::default() };
        let struck: Vec<Option<u16>> =
            (1..=4).map(|_| faults.strike(&call, None).and_then(|action| action.status)).collect();
        assert_eq!(
            struck,
            [None, Some(500), Some(501), Some(500)],
            "the third call is the third for every rule"
        );
    }

    #[test]
    fn paths_are_matched_by_regular_expressions_of_a_bounded_size() {
        let check = |regex: &str, expected: bool| {
            assert_eq!(
                !struck(&json!({"match": {"path_regex": regex}, "do": {"reset": true}})).is_empty(),
                expected
            );
        };
        check("^/(a|x)/b$", true);
        check("^/[^/]{1,2}/b", true);
        check("^/b", false);
        let long = json!({"match": {"path_regex": "a".repeat(600)}, "do": {"reset": true}});
        assert!(Faults::new(0).add(&long).is_err());
    }

    #[test]
    fn faulty_rules_are_named_and_none_is_set() {
        let mut faults = Faults::new(0);
        let good = json!({"do": {"status": 500}});
        let problems = faults
            .add(&json!([good, {"do": {}}, {"do": {"status": 99}}, {"match": {"path_regex": "(a"}, "do": {"reset": true}},
                         {"do": {"fail_before": true, "fail_after": true}}, {"do": {"reset": true}, "tims": 1}]))
            .unwrap_err();
        assert_eq!(problems.len(), 5, "{problems:?}");
        assert!(faults.rules.is_empty());
    }

    #[test]
    fn a_failure_is_in_googles_words_unless_told() {
        let action = Action { status: Some(409), ..Action::default() };
        assert_eq!(action.failure().reason.unwrap(), "duplicate");
        let page = Action { status: Some(502), body: Some(json!("<html>")), ..Action::default() };
        assert_eq!(page.failure().body, Body::Html("<html>".into()));
    }
}
