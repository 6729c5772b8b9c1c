//! `GET /v1/resellers/{reseller}/address-map.csv`: the engineers' new addresses and their main ones, as Gmail's recipient address map
//! takes them (`docs/GOOGLE.md` 33). Personal data: made on demand, for operators, and kept nowhere.
//! Not here: uploading it, for which there is no API.

use super::Api;
use super::extract::Named;
use super::problem::{Problem, ProblemKind};
use crate::model::enrollment::{Enrollment, Want};
use crate::model::id::{EngineerKey, ResellerName};
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use std::fmt::Write as _;
use std::sync::Arc;

/// Google takes no more lines.
const LINES_MAX: usize = 5_000;

/// Engineers read from the store at a time.
const PAGE: usize = 200;

/// One line for each account that the reseller account has or is getting, `new address,main address`.
pub(super) async fn address_map(State(api): State<Arc<Api>>, named: Named) -> Result<Response, Problem> {
    let reseller: ResellerName = named.get("reseller")?;
    if !api.engine.house().sites.contains_key(&reseller) {
        return Err(ProblemKind::NotFound.into());
    }
    let (mut map, mut count) = (String::new(), 0);
    let mut after: Option<EngineerKey> = None;
    loop {
        let page = api.engine.house().store.engineers(after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        for engineer in &page {
            for (address, contact) in lines(&api, &engineer.key, &reseller).await? {
                count += 1;
                if count > LINES_MAX {
                    let detail =
                        format!("more than {LINES_MAX} addresses, which Google does not take; use a rule");
                    return Err(Problem::invalid("reseller", detail));
                }
                // Addresses hold neither commas nor quotes.
                let _ = writeln!(map, "{address},{contact}\r");
            }
        }
    }
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"address-map.csv\""),
    ];
    Ok((headers, map).into_response())
}

/// The lines of an engineer. Whoever has no name or no main address yet, or cannot be unsealed, is left out.
async fn lines(
    api: &Api,
    key: &EngineerKey,
    reseller: &ResellerName,
) -> Result<Vec<(String, String)>, Problem> {
    let rows = api.engine.house().store.enrollments_of(key).await?;
    let is_here = |row: &&Enrollment| row.id.reseller() == Some(reseller) && row.goal.want == Want::Present;
    let here: Vec<&Enrollment> = rows.iter().filter(is_here).collect();
    if here.is_empty() {
        return Ok(Vec::new());
    }
    let Some(sheet) = super::api::sheet(api, key).await? else { return Ok(Vec::new()) };
    let Some((name, contact)) = sheet.username.zip(sheet.person.contact_email) else { return Ok(Vec::new()) };
    let domains = here.into_iter().filter_map(|row| row.id.domain());
    Ok(domains.map(|domain| (format!("{name}@{domain}"), contact.to_string())).collect())
}
