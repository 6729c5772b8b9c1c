//! The first run against the real Google: what is known of it from paper only, asked for as far as reading shows it, and written down without
//! anything of a person or a company. What is left is listed with who finds it out, and how. Not here: showing it (`cli/probe`).

use super::{Finding, Flight, Grade, Seen, Verdict, reseller};
use crate::app::house;
use crate::clock::Clock;
use crate::config::Config;
use crate::google::role::Role;
use crate::model::failure::{Failure, FailureCode};
use crate::steps::Site;
use anyhow::Result;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// What is open until carepass has met a real Google (`docs/GETTING-STARTED.md`, "First run", holds the same list).
pub const QUESTIONS: [Question; 16] = [
    Question::seen(
        "role_names",
        "What Google calls the reseller's roles and privileges in the API, Legacy Enterprise Support among them",
        "roles and privileges of the report",
    ),
    Question::seen(
        "suspended_count",
        "Whether suspended and deleted accounts count against the seats of Cloud Identity Free",
        "accounts of the report, beside the number in Admin console > Billing > Subscriptions",
    ),
    Question::seen(
        "policies_read",
        "Which policies about signing in and about private accounts can be read at all",
        "policies of the report",
    ),
    Question::seen(
        "licence_list",
        "Whether the free licence is listed where it comes with the site",
        "licences of the report: none, or a number",
    ),
    Question::watched(
        "insert_answer",
        "What a new account looks like in Google's answer, and after how long it can be read and licensed",
        "users.get of the first engineer by \"Try this method\" in Google's reference; refusals: log.filter = \"info,carepass::google=debug\"",
    ),
    Question::watched(
        "licence_answers",
        "What Google answers when a licence is read and assigned (one GET and one POST)",
        "licenseAssignments.get and .insert of the first engineer by \"Try this method\" in Google's reference: write both answers down",
    ),
    Question::watched(
        "auto_licensing_late",
        "How long after an account was made automatic licensing gives it a licence, if it is on",
        "the first engineer: carepass looks for a day, and says when one came",
    ),
    Question::watched(
        "role_twice",
        "The reason that Google gives when a role is assigned twice (500) and when a unit is made twice (409)",
        "the log of carepass::google, when it happens",
    ),
    Question::watched(
        "password_refused",
        "How Google words that a first password is refused",
        "the task unknown_answer, if it ever comes",
    ),
    Question::watched(
        "invited_body",
        "What the answer 202 holds, when a private account has the address and Google invites its owner",
        "a deliberate test with a private account of your own, in a domain for tests",
    ),
    Question::person(
        "group_roles",
        "Whether the Customer Care Portal honours a role that comes by a group",
        "give a test account the role by a group, sign in to the portal; carepass assigns it to the account itself",
    ),
    Question::person(
        "portal_address",
        "Which address of the portal shows a reseller's customers",
        "sign in as the first engineer; portal_url in the configuration stands in every letter",
    ),
    Question::person(
        "if_match",
        "Whether writes of the Directory API heed If-Match",
        "users.update of a test account with an old etag, by hand; carepass does not rely on it",
    ),
    Question::person(
        "service_account_creates",
        "Whether a service account that holds a role itself, without a robot to act as, may create accounts",
        "give one a role with Users > Create in a domain for tests and let it insert one; carepass acts as the robot either way",
    ),
    Question::person(
        "cloud_identity_quota",
        "The quota of the Cloud Identity API in your project",
        "Google Cloud console > IAM & Admin > Quotas; google.rates.cloud_identity_per_second",
    ),
    Question::person(
        "subscription_page",
        "Whether the free subscription is still ordered at Billing > Get more services",
        "the Admin console, when you place the order",
    ),
];

/// One thing that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Question {
    /// Its name, which stays.
    pub id: &'static str,
    /// What is open.
    pub open: &'static str,
    /// Who finds it out.
    pub by: By,
    /// Where, or how.
    pub how: &'static str,
}

/// Who finds something out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// This report: reading is enough.
    Report,
    /// Whoever watches the first engineer: it takes a write.
    FirstEngineer,
    /// A person, who looks.
    Person,
}

/// What was seen.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The version of carepass.
    pub carepass: &'static str,
    /// When.
    pub at: Timestamp,
    /// The reseller accounts by their number in the configuration's order of names, which is all that is said of who they are.
    pub resellers: Vec<Probed>,
    /// What was open, and who answers it.
    pub questions: Vec<Question>,
    #[serde(skip)]
    verdict: Verdict,
}

/// A reseller account, without anything that names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Probed {
    /// The flight check, without its words.
    pub checks: Vec<Check>,
    /// Google's own roles by their names, the customer's own without.
    pub roles: Part<Vec<RoleSeen>>,
    /// Every privilege that may be given, as service and name.
    pub privileges: Part<Vec<String>>,
    /// How many accounts there are.
    pub accounts: Part<Accounts>,
    /// How many licences, by product and edition; the free one by itself.
    pub licences: Part<BTreeMap<String, usize>>,
    /// How many policies of each setting can be read.
    pub policies: Part<BTreeMap<String, usize>>,
}

/// What was read, or by its code why it was not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part<T> {
    /// It was read.
    Seen(T),
    /// It was not.
    Failed(FailureCode),
}

/// A check of the flight check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Which.
    pub check: String,
    /// How it stands.
    pub grade: Grade,
    /// What stands in the way.
    pub code: Option<FailureCode>,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoleSeen {
    /// Google's name of a role of Google's.
    pub name: Option<String>,
    /// The super administrator's.
    pub is_super_admin: bool,
    /// What it may do, as service and name.
    pub privileges: Vec<String>,
}

/// Accounts by what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Accounts {
    /// All that are not deleted.
    pub all: usize,
    /// Suspended ones of them.
    pub suspended: usize,
    /// Deleted in the last twenty days.
    pub deleted: usize,
}

/// Reads what there is to read, one reseller account after the other. Nothing is written anywhere.
///
/// # Errors
/// When no HTTP client can be made.
pub async fn probe(
    config: &Config,
    clock: &Clock,
    mut on_progress: impl FnMut(usize, usize),
) -> Result<Report> {
    let sites = house::sites(config, clock)?;
    let (mut resellers, mut seen) = (Vec::new(), Vec::new());
    on_progress(0, sites.len());
    for (name, site) in &sites {
        let checks = reseller::look(site, clock).await;
        resellers.push(look(site, &checks).await);
        seen.push(Seen { reseller: name.clone(), checks });
        on_progress(seen.len(), sites.len());
    }
    // Store and broker are the flight check's.
    let unasked = || Finding::ok("", "");
    let verdict = Flight { store: unasked(), broker: unasked(), resellers: seen }.verdict();
    let questions = QUESTIONS.to_vec();
    Ok(Report { carepass: env!("CARGO_PKG_VERSION"), at: clock.now(), resellers, questions, verdict })
}

impl Report {
    /// How it ended.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }
}

async fn look(site: &Site, checks: &[Finding]) -> Probed {
    let google = &site.google;
    let bare =
        |finding: &Finding| Check { check: finding.check.clone(), grade: finding.grade, code: finding.code };
    Probed {
        checks: checks.iter().map(bare).collect(),
        roles: part(google.roles().await.map(|roles| roles.iter().map(role).collect())),
        privileges: part(google.privileges().await.map(|all| named(all.iter()))),
        accounts: part(accounts(site).await),
        licences: part(licences(site).await),
        policies: part(policies(site).await),
    }
}

async fn accounts(site: &Site) -> Result<Accounts, Failure> {
    let (all, deleted) = (site.google.accounts(false).await?, site.google.accounts(true).await?);
    let suspended = all.iter().filter(|account| account.suspended == Some(true)).count();
    Ok(Accounts { all: all.len(), suspended, deleted: deleted.len() })
}

async fn licences(site: &Site) -> Result<BTreeMap<String, usize>, Failure> {
    let mut counted = BTreeMap::new();
    if let Some(free) = site.google.free_licenses().await? {
        counted.insert("free".to_owned(), free);
    }
    for paid in site.google.paid_licenses().await? {
        *counted.entry(format!("{}/{}", paid.product, paid.sku)).or_default() += 1;
    }
    Ok(counted)
}

async fn policies(site: &Site) -> Result<BTreeMap<String, usize>, Failure> {
    let mut counted = BTreeMap::new();
    for policy in site.google.policies().await? {
        *counted.entry(policy.setting).or_default() += 1;
    }
    Ok(counted)
}

fn role(role: &Role) -> RoleSeen {
    RoleSeen {
        name: role.is_system.then(|| role.name.clone()),
        is_super_admin: role.is_super_admin,
        privileges: named(role.privileges.iter()),
    }
}

fn named<'a>(privileges: impl Iterator<Item = &'a crate::model::reseller::Privilege>) -> Vec<String> {
    privileges.map(|privilege| format!("{}/{}", privilege.service_id, privilege.name)).collect()
}

fn part<T>(read: Result<T, Failure>) -> Part<T> {
    read.map_or_else(|failure| Part::Failed(failure.code), Part::Seen)
}

impl Question {
    const fn seen(id: &'static str, open: &'static str, how: &'static str) -> Self {
        Self { id, open, by: By::Report, how }
    }

    const fn watched(id: &'static str, open: &'static str, how: &'static str) -> Self {
        Self { id, open, by: By::FirstEngineer, how }
    }

    const fn person(id: &'static str, open: &'static str, how: &'static str) -> Self {
        Self { id, open, by: By::Person, how }
    }
}
