//! `carepass probe` with the built binary: it changes nothing, its report names nobody, and the guide for the first hour says what the code
//! asks for. Not here: the checks of the flight check (`flight`).

use crate::fixture::process::carepass;
use crate::fixture::{Neighbour, demo};
use carepass::app::flight::probe::{By, QUESTIONS};
use carepass::google::call::Scope;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;
use tokio::process::Command;

const LIMIT: Duration = Duration::from_mins(2);
const GUIDE: &str = include_str!("../../docs/GETTING-STARTED.md");
const OPERATING: &str = include_str!("../../docs/OPERATING.md");

/// Runs it and gives its number, and what it says to either side.
async fn probe(neighbour: &Neighbour, output: &Path, more: &[(&str, &str)]) -> (Option<i32>, String) {
    let more: Vec<_> = [("INTAKE__AMQP__URL", "")].into_iter().chain(more.iter().copied()).collect();
    let mut command = Command::from(carepass());
    command.arg("probe").arg("--config").arg(neighbour.configuration_file()).arg("--output").arg(output);
    command.envs(neighbour.environment(&more)).kill_on_drop(true);
    let ended = tokio::time::timeout(LIMIT, command.output()).await.expect("it ends within the limit");
    let ended = ended.expect("the binary can be run");
    let said = [ended.stdout, ended.stderr].concat();
    (ended.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// Everything by which somebody could tell whose account it is.
fn names(neighbour: &Neighbour) -> Vec<String> {
    let world = neighbour.sandbox.world_json();
    let customers = world["customers"].as_object().expect("customers by id");
    let users = customers.values().flat_map(|customer| customer["users"].as_array().expect("users"));
    let addresses = users.filter_map(|user| user["primaryEmail"].as_str()).map(str::to_owned);
    let configured = demo::files().resellers.iter().flat_map(|reseller| {
        let domain = reseller.admin.rsplit_once('@').expect("an address").1;
        [reseller.name, reseller.customer_id, domain].map(str::to_owned)
    });
    let own = ["Customer Care", "@", ".example", "carepass-robot"].map(str::to_owned);
    customers.keys().cloned().chain(addresses).chain(configured).chain(own).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_reads_writes_nothing_and_names_nobody() {
    let neighbour = Neighbour::start().await;
    let before = neighbour.sandbox.change(|world| format!("{world:?}"));
    let output = neighbour.folder().join("probe.json");
    let (code, said) = probe(&neighbour, &output, &[]).await;
    assert_eq!(code, Some(0), "{said}");
    for call in neighbour.sandbox.calls() {
        assert!(call.method == "GET" || call.path == "/token", "{call:?}");
        assert_eq!(call.effect, None, "{call:?}");
    }
    assert_eq!(neighbour.sandbox.change(|world| format!("{world:?}")), before);

    let text = std::fs::read_to_string(&output).expect("the report");
    assert_eq!(std::fs::metadata(&output).expect("the report").permissions().mode() & 0o777, 0o600);
    let names = names(&neighbour);
    assert!(names.len() > 10, "{names:?}");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    // The questions are the same for everybody.
    let seen = report["resellers"].to_string();
    let told: Vec<_> = names.iter().filter(|name| seen.contains(name.as_str())).collect();
    assert_eq!(told, Vec::<&String>::new(), "{seen}");

    let resellers = report["resellers"].as_array().expect("a list");
    assert_eq!(resellers.len(), 3);
    for reseller in resellers {
        let roles = reseller["roles"]["seen"].as_array().expect("roles");
        assert!(roles.iter().any(|role| role["is_super_admin"] == true), "{roles:?}");
        assert!(roles.iter().any(|role| role["name"].is_string()), "Google's own roles have names");
        let privileges = reseller["privileges"]["seen"].to_string();
        assert!(privileges.contains("VIEW_CUSTOMERS"), "{privileges}");
        assert!(reseller["accounts"]["seen"]["all"].as_u64().is_some_and(|all| all > 0), "{reseller:#}");
        assert!(reseller["checks"].as_array().is_some_and(|checks| checks.len() > 15), "{reseller:#}");
    }
    assert_eq!(report["questions"].as_array().map(Vec::len), Some(QUESTIONS.len()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_told_and_a_report_is_never_written_over() {
    let neighbour = Neighbour::start().await;
    let policies = json!({"match": {"path_regex": "/policies"}, "do": {"fail_before": true, "status": 403}});
    neighbour.sandbox.add_faults(&policies).expect("a rule that is understood");
    let output = neighbour.folder().join("probe.json");
    let (_, said) = probe(&neighbour, &output, &[]).await;
    let written = std::fs::read_to_string(&output).unwrap_or_else(|error| panic!("{error}: {said}"));
    let report: Value = serde_json::from_str(&written).expect("JSON");
    assert!(report["resellers"][0]["policies"]["failed"].is_string(), "{report:#}");

    let (code, said) = probe(&neighbour, &output, &[]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("is there already"), "{said}");
    assert_eq!(std::fs::read_to_string(&output).expect("the report"), written);
    let other = neighbour.folder().join("other.json");
    let nobody = crate::fixture::door::free_address();
    let (code, said) = probe(&neighbour, &other, &[("GOOGLE__ENDPOINT", &format!("http://{nobody}"))]).await;
    assert_eq!(code, Some(5), "{said}");
}

/// What an operator pastes is what the code asks for, in its order, and nothing more.
#[test]
fn the_guides_have_the_scopes_of_the_code() {
    let line = |scopes: &[Scope]| scopes.iter().map(|scope| scope.url()).collect::<Vec<_>>().join(",");
    let is_there = |text: &str, wanted: &str| text.lines().any(|line| line.trim() == wanted);
    assert!(is_there(GUIDE, &line(&Scope::ALL)), "GETTING-STARTED: {}", line(&Scope::ALL));
    assert!(is_there(GUIDE, &line(&Scope::OPTIONAL)), "GETTING-STARTED: {}", line(&Scope::OPTIONAL));
    assert!(is_there(OPERATING, &line(&Scope::ALL)), "OPERATING: {}", line(&Scope::ALL));
    for scope in Scope::OPTIONAL {
        assert!(OPERATING.contains(scope.url()), "OPERATING: {}", scope.url());
    }
}

#[test]
fn the_guide_lists_what_the_first_run_is_to_find_out() {
    let rows: Vec<&str> = GUIDE.lines().skip_while(|line| *line != "# First run").collect();
    let rows: Vec<&str> = rows.into_iter().filter(|line| line.starts_with("| ")).skip(1).collect();
    let row = |question: &carepass::app::flight::probe::Question| {
        let who = match question.by {
            By::Report => "the report",
            By::FirstEngineer => "the first engineer",
            By::Person => "a person",
        };
        format!("| {} | {who} | {} |", question.open, question.how)
    };
    let expected: Vec<String> = QUESTIONS.iter().map(row).collect();
    assert_eq!(rows, expected);
}
