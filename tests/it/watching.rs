//! What is shipped for watching, held against what a running carepass exports: every metric, label and value that an alert rule or a panel
//! of the dashboard asks for is there, every metric is explained, and every reference leads somewhere.
//! Not here: what a metric counts (beside the code that counts).

use crate::fixture::Neighbour;
use crate::fixture::daemon::Daemon;
use crate::fixture::door::Door;
use crate::fixture::events;
use regex_lite::Regex;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const ALERTS: &str = include_str!("../../deploy/prometheus/alerts.yaml");
const DASHBOARD: &str = include_str!("../../deploy/grafana/carepass.json");
const OPERATING: &str = include_str!("../../docs/OPERATING.md");

/// How long the last of the metrics is waited for: they are set every five seconds.
const LIMIT: Duration = Duration::from_mins(1);

const KEY: &str = "E-00000";

/// A line of `/metrics`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    name: String,
    labels: BTreeMap<String, String>,
}

/// What a query selects: a name, and for each label how it is compared with what.
struct Selector {
    name: String,
    matchers: Vec<(String, String, String)>,
}

impl Selector {
    fn all_in(query: &str) -> Vec<Self> {
        let selectors = Regex::new(r"(carepass_[a-z_]+)(?:\{([^}]*)\})?").expect("a pattern");
        let matchers = Regex::new(r#"(\w+)(=~|!~|!=|=)"([^"]*)""#).expect("a pattern");
        let read = |found: regex_lite::Captures<'_>| Self {
            name: found[1].to_owned(),
            matchers: matchers
                .captures_iter(found.get(2).map_or("", |labels| labels.as_str()))
                .map(|one| (one[1].to_owned(), one[2].to_owned(), one[3].replace("$reseller", ".*")))
                .collect(),
        };
        selectors.captures_iter(query).map(read).collect()
    }

    fn selects(&self, series: &Series) -> bool {
        self.name == series.name
            && self.matchers.iter().all(|(label, how, value)| {
                let Some(is) = series.labels.get(label) else { return false };
                let pattern = Regex::new(&format!("^(?:{value})$")).expect("a pattern");
                match how.as_str() {
                    "=" => is == value,
                    "!=" => is != value,
                    "=~" => pattern.is_match(is),
                    _ => !pattern.is_match(is),
                }
            })
    }
}

/// What of a query is not to be had: selectors that select nothing, and labels that what is selected does not have.
fn lacking(query: &str, exported: &BTreeSet<Series>) -> Vec<String> {
    let selectors = Selector::all_in(query);
    let selected: Vec<&Series> =
        exported.iter().filter(|series| selectors.iter().any(|selector| selector.selects(series))).collect();
    let empty = selectors.iter().filter(|selector| !exported.iter().any(|series| selector.selects(series)));
    let empty = empty.map(|selector| format!("{query}: nothing is {}{:?}", selector.name, selector.matchers));
    let lists = Regex::new(r"(?:by|label_values) ?\(([^()]*)\)").expect("a pattern");
    let named = lists
        .captures_iter(query)
        .flat_map(|list| list[1].split(',').map(|label| label.trim().to_owned()).collect::<Vec<_>>());
    let labels = named.filter(|label| !label.starts_with("carepass_"));
    let unknown = labels.filter(|label| !selected.iter().any(|series| series.labels.contains_key(label)));
    let unknown = unknown.map(|label| format!("{query}: nothing has the label {label}"));
    let none = selectors.is_empty().then(|| format!("{query}: asks for nothing of carepass"));
    empty.chain(unknown).chain(none).collect()
}

fn rules() -> Vec<String> {
    ALERTS.lines().filter_map(|line| line.trim_start().strip_prefix("expr: ")).map(str::to_owned).collect()
}

/// Every query of the dashboard, wherever it stands.
fn panels() -> Vec<String> {
    fn walk(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, inner) in fields {
                    match inner.as_str() {
                        Some(query) if ["expr", "query", "definition"].contains(&name.as_str()) => {
                            found.push(query.to_owned());
                        }
                        Some(_) | None => walk(inner, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
        }
    }
    let mut found = Vec::new();
    walk(&serde_json::from_str(DASHBOARD).expect("the dashboard is JSON"), &mut found);
    found.retain(|query| query != "prometheus");
    found
}

fn read(text: &str) -> BTreeSet<Series> {
    let labels = Regex::new(r#"(\w+)="([^"]*)""#).expect("a pattern");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let series = line.rsplit_once(' ').expect("a series and its value").0;
            let (name, rest) = series.split_once('{').unwrap_or((series, ""));
            let pairs = labels.captures_iter(rest).map(|pair| (pair[1].to_owned(), pair[2].to_owned()));
            Series { name: name.to_owned(), labels: pairs.collect() }
        })
        .collect()
}

async fn metrics(client: &reqwest::Client, address: &str) -> BTreeSet<Series> {
    let answer = client.get(format!("http://{address}/metrics")).send().await.expect("an answer");
    read(&answer.text().await.expect("a text"))
}

async fn say(client: &reqwest::Client, door: &Door, token: &str, event: &Value) {
    let request = client.post(format!("http://{}/v1/events", door.address)).bearer_auth(token);
    let request = request.header("content-type", events::CONTENT_TYPE).body(event.to_string());
    assert_eq!(request.send().await.expect("an answer").status(), 202);
}

/// Somebody joins, meets a Google that wants fewer requests, is ready and leaves: everything that is watched has happened then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_shipped_for_watching_asks_for_what_is_exported() {
    let neighbour = Neighbour::start().await;
    let door = Door::of(&neighbour);
    let mut settings = door.settings();
    settings.push(("RESELLERS__NORDIC_SE__SEATS", "50"));
    settings.push(("DRIFT__EVERY", "1s"));
    let mut daemon = Daemon::start(&neighbour, &neighbour.environment(&settings));
    door.ready().await;
    let throttled = json!({"match": {"path_regex": "/users$", "nth": 1},
        "do": {"fail_before": true, "status": 429, "reason": "rateLimitExceeded"}});
    neighbour.sandbox.add_faults(&throttled).expect("a rule that is understood");
    door.join(0).await;
    door.settled(0..1, &mut daemon, &neighbour).await;

    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let token = std::fs::read_to_string(neighbour.folder().join("token")).expect("init writes it");
    say(&client, &door, token.trim(), &events::ended("left", KEY, 2)).await;
    let queries = [rules(), panels()].concat();
    let lacking = async || {
        let exported = metrics(&client, &door.address).await;
        queries.iter().flat_map(|query| lacking(query, &exported)).collect::<Vec<_>>()
    };
    let waiting = async {
        while !lacking().await.is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let _ = tokio::time::timeout(LIMIT, waiting).await;
    assert_eq!(lacking().await, Vec::<String>::new());

    let exported = metrics(&client, &door.address).await;
    let unexplained: BTreeSet<&str> =
        exported.iter().map(|series| stem(&series.name)).filter(|name| !OPERATING.contains(name)).collect();
    assert_eq!(unexplained, BTreeSet::new(), "docs/OPERATING.md does not explain them");
    let told =
        |series: &Series| series.labels.values().any(|value| value.contains(KEY) || value.contains('@'));
    assert!(!exported.iter().any(told), "somebody is a label");
}

/// The name of a histogram without what its parts add.
fn stem(name: &str) -> &str {
    ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name)
}

#[test]
fn eight_rules_each_lead_to_a_page_that_is_there() {
    assert_eq!(rules().len(), 8);
    assert!(panels().len() > 15, "{:?}", panels());
    let runbooks = ALERTS.lines().filter_map(|line| line.trim_start().strip_prefix("runbook: "));
    let runbooks: Vec<&str> = runbooks.map(|line| line.trim_matches('"')).collect();
    assert_eq!(runbooks.len(), 8);
    for runbook in runbooks {
        let (page, heading) = runbook.split_once(", ").expect("a page and a heading");
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{page}: {error}"));
        let is_any = heading.contains("{{") || heading.contains("the task's code");
        let is_there = |line: &str| line.trim_start_matches('#').trim().trim_matches('`') == heading;
        assert!(is_any || text.lines().any(|line| line.starts_with('#') && is_there(line)), "{runbook}");
    }
}

#[test]
fn a_query_for_something_else_is_noticed() {
    let exported = read("carepass_tasks{code=\"timeout\"} 1\ncarepass_x_bucket{le=\"1\"} 2\n");
    let check = |query: &str, expected: usize| {
        let found = lacking(query, &exported);
        assert_eq!(found.len(), expected, "{query}: {found:?}");
    };
    check("sum by (code) (carepass_tasks) > 0", 0);
    check("carepass_tasks{code=~\"time.*\"}", 0);
    check("histogram_quantile(0.5, sum by (le) (rate(carepass_x_bucket[1h])))", 0);
    check("label_values(carepass_tasks, code)", 0);
    check("carepass_task", 1);
    check("carepass_tasks{kind=\"timeout\"}", 1);
    check("carepass_tasks{code=\"time\"}", 1);
    check("carepass_tasks{code!=\"timeout\"}", 1);
    check("sum by (kind) (carepass_tasks)", 1);
    check("up == 0", 1);
}
