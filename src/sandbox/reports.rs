//! Reports API: the administrators' audit log, and the counts of a day. Both are late: an event shows after
//! `report_delay_ms`, and a day's counts two days afterwards (docs/GOOGLE.md row 59). Not here: what is noted (`audit`), and other applications' logs.

use super::call::{Answer, Reply};
use super::clock::{Millis, rfc3339};
use super::customer::domain_of;
use super::directory::etag;
use super::error::Refusal;
use super::google::{Scene, check_customer};
use super::paging::{PageRule, page};
use super::world::{Activity, Customer, User};
use serde_json::{Value, json};

const PAGES: PageRule = PageRule { default: 1_000, largest: 1_000, refuse_larger: true, empty_first: false };
const DAY_MS: Millis = 24 * 60 * 60 * 1000;
/// How many days old the newest counts are.
const USAGE_DAYS: Millis = 2;
/// Applications that Google has and that nothing happens in here.
const SILENT: &[&str] = &["calendar", "chat", "drive", "gmail", "groups", "login", "meet", "mobile", "token"];

/// `activities.list`, newest first.
pub fn activities(scene: &Scene<'_>, who: &str, application: &str) -> Reply {
    if application != "admin" && !SILENT.contains(&application) {
        return Err(Refusal::invalid(format!("Invalid value '{application}' for applicationName")));
    }
    if let Some(asked) = scene.call.parameter("customerId") {
        check_customer(scene.customer, &asked)?;
    }
    let (from, to) = (moment(scene, "startTime")?, moment(scene, "endTime")?);
    let event = scene.call.parameter("eventName");
    let wanted = |activity: &Activity| {
        application == "admin"
            && !scene.is_within(activity.at, scene.customer.settings.report_delay_ms)
            && from.is_none_or(|from| activity.at >= from)
            && to.is_none_or(|to| activity.at <= to)
            && event.as_ref().is_none_or(|name| name == activity.event)
            && is_by(scene.customer, activity, who)
    };
    let all = scene.customer.activities.iter().enumerate().rev();
    let items = all
        .filter(|(_, activity)| wanted(activity))
        .map(|(index, activity)| {
            // Sorts the newest first, and stays where it is when newer ones come.
            let key = format!("{:020} {:020}", i64::MAX - activity.at, usize::MAX - index);
            (key, activity_json(scene.customer, index, activity))
        })
        .collect();
    let page = page(scene.call, PAGES, items)?;
    let mut body = json!({"kind": "admin#reports#activities", "etag": etag("activities", 1)});
    if !page.items.is_empty() {
        body["items"] = page.items.into();
    }
    if let Some(token) = page.next {
        body["nextPageToken"] = token.into();
    }
    Ok(Answer::json(body))
}

/// `customerUsageReports.get`: the users of a day, and how many of them are suspended now.
pub fn usage(scene: &Scene<'_>, date: &str) -> Reply {
    let day = day_begins(date).ok_or_else(|| Refusal::invalid("Invalid value for date"))?;
    if let Some(asked) = scene.call.parameter("customerId") {
        check_customer(scene.customer, &asked)?;
    }
    let newest = scene.now.div_euclid(DAY_MS) * DAY_MS - USAGE_DAYS * DAY_MS;
    if day > newest {
        let newest = rfc3339(newest);
        let newest = newest.split('T').next().unwrap_or_default();
        return Err(Refusal::invalid(format!(
            "Data for dates later than {newest} is not yet available. Please check back later"
        )));
    }
    let end = day + DAY_MS;
    let there = |user: &&User| user.created < end && user.deleted.is_none_or(|at| at >= end);
    let people = scene.customer.users.values().chain(scene.customer.deleted.values());
    let people: Vec<&User> = people.map(AsRef::as_ref).filter(there).collect();
    let suspended = people.iter().filter(|user| user.suspended).count();
    let counts = [
        ("accounts:num_users", people.len()),
        ("accounts:num_suspended_users", suspended),
        ("accounts:num_locked_users", 0),
    ];
    let asked = scene.call.parameter("parameters");
    let wanted = |name: &str| asked.as_ref().is_none_or(|asked| asked.split(',').any(|one| one == name));
    let shown = counts.iter().filter(|(name, _)| wanted(name));
    // int64 values are texts.
    let parameters: Vec<Value> =
        shown.map(|(name, count)| json!({"name": name, "intValue": count.to_string()})).collect();
    Ok(Answer::json(json!({
        "kind": "admin#reports#usageReports",
        "etag": etag("usage", 1),
        "usageReports": [{
            "kind": "admin#reports#usageReport",
            "etag": etag(date, 1),
            "date": date,
            "entity": {"type": "CUSTOMER", "customerId": scene.customer.id},
            "parameters": parameters,
        }],
    })))
}

fn is_by(customer: &Customer, activity: &Activity, who: &str) -> bool {
    if who == "all" {
        return true;
    }
    let asked = customer.user(who).map(|user| &user.id);
    activity.actor.as_ref().is_some_and(|(_, id)| Some(id) == asked)
}

fn moment(scene: &Scene<'_>, name: &str) -> Result<Option<Millis>, Refusal> {
    let Some(text) = scene.call.parameter(name) else { return Ok(None) };
    let moment: Result<jiff::Timestamp, _> = text.parse();
    moment
        .map(|at| Some(at.as_millisecond()))
        .map_err(|_| Refusal::invalid(format!("Invalid value for {name}")))
}

fn day_begins(date: &str) -> Option<Millis> {
    (date.len() == 10).then_some(())?;
    let moment: jiff::Timestamp = format!("{date}T00:00:00Z").parse().ok()?;
    Some(moment.as_millisecond())
}

fn activity_json(customer: &Customer, index: usize, activity: &Activity) -> Value {
    let parameters: Vec<Value> =
        activity.parameters.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let actor = match &activity.actor {
        Some((email, id)) => json!({"callerType": "USER", "email": email, "profileId": id}),
        // How Google names itself there is not known.
        None => json!({"callerType": "KEY", "key": "SYSTEM"}),
    };
    let owner = activity.actor.as_ref().and_then(|(email, _)| domain_of(email));
    json!({
        "kind": "admin#reports#activity",
        "id": {
            "time": rfc3339(activity.at),
            "uniqueQualifier": (index as u64 + 1).to_string(),
            "applicationName": "admin",
            "customerId": customer.id,
        },
        "etag": etag(activity.event, index as u64),
        "ownerDomain": owner.unwrap_or_else(|| customer.primary_domain()),
        "actor": actor,
        "events": [{"type": kind_of(activity.event), "name": activity.event, "parameters": parameters}],
    })
}

/// The group of events in Google's lists.
fn kind_of(event: &str) -> &'static str {
    match event {
        "ASSIGN_ROLE" | "UNASSIGN_ROLE" | "CREATE_ROLE" | "ADD_PRIVILEGE" => "DELEGATED_ADMIN_SETTINGS",
        "CREATE_ORG_UNIT" => "ORG_SETTINGS",
        "CHANGE_LICENSE_AUTO_ASSIGN"
        | "USER_LICENSE_ASSIGNMENT"
        | "USER_LICENSE_REVOKE"
        | "USER_LICENSE_REASSIGNMENT" => "LICENSES_SETTINGS",
        _ => "USER_SETTINGS",
    }
}
