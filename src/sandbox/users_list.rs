//! Directory API: `users.list` with the part of Google's search language that matters here
//! ("Search for users"): clauses `field=value` and `field:value`, joined by spaces, all of which must hold.

use super::call::{Answer, Call, Reply};
use super::customer::{domain_of, is_within};
use super::directory::list as list_json;
use super::error::Refusal;
use super::google::{Scene, check_customer};
use super::paging::{PageRule, page};
use super::users::user_json;
use super::visibility;
use super::world::{Customer, DELETED_KEPT_MS, User};
use std::sync::Arc;

const PAGES: PageRule = PageRule { default: 100, largest: 500, refuse_larger: true, empty_first: false };
/// Clauses in one query.
const CLAUSES_MOST: usize = 16;

/// `users.list`, sorted by address unless the call wants another order.
pub fn list(scene: &Scene<'_>) -> Reply {
    let domain = scene.call.parameter("domain").map(|name| name.to_ascii_lowercase());
    match (scene.call.parameter("customer"), &domain) {
        (Some(asked), None) => check_customer(scene.customer, &asked)?,
        (None, Some(name)) if scene.customer.user_domain(name).is_some() => {}
        (None, Some(_)) => return Err(Refusal::not_found("Domain not found")),
        (Some(_), Some(_)) | (None, None) => return Err(Refusal::new(400, "badRequest", "Bad Request")),
    }
    let clauses = parse(&scene.call.parameter("query").unwrap_or_default())?;
    let deleted = scene.call.parameter("showDeleted").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let shelf = if deleted { &scene.customer.deleted } else { &scene.customer.users };
    let wanted = |user: &&Arc<User>| {
        domain.as_deref().is_none_or(|name| domain_of(&user.primary_email) == Some(name))
            && user.deleted.is_none_or(|at| scene.now - at < DELETED_KEPT_MS)
            && !visibility::hides(scene, user, false)
            && clauses.iter().all(|clause| clause.holds(scene.customer, user))
    };
    let mut found: Vec<_> = shelf
        .values()
        .filter(wanted)
        .map(|user| (format!("{} {}", user.primary_email, user.id), visibility::shown(scene, user)))
        .collect();
    for (key, user) in &mut found {
        *key = sort_key(scene.call, key, &user.given_name, &user.family_name);
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    let page = page(scene.call, PAGES, found)?;
    let items = page.items.into_iter().map(|user| user_json(scene.customer, user)).collect();
    Ok(Answer::json(list_json("admin#directory#users", "users", items, page.next)))
}

/// By what a user is sorted: `orderBy`, then the address; whatever the case.
fn sort_key(call: &Call, address: &str, given_name: &str, family_name: &str) -> String {
    let key = match call.parameter("orderBy").as_deref() {
        Some("givenName") => format!("{} {address}", given_name.to_lowercase()),
        Some("familyName") => format!("{} {address}", family_name.to_lowercase()),
        Some(_) | None => address.to_owned(),
    };
    if call.parameter("sortOrder").as_deref() == Some("DESCENDING") { inverted(&key) } else { key }
}

/// A key that sorts the other way round, so that pages need to know of one direction only.
fn inverted(key: &str) -> String {
    let bytes = key.bytes().map(|byte| format!("{:02x}", !byte));
    bytes.chain(["~".to_owned()]).collect()
}

/// One condition of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Clause {
    field: Field,
    /// `:` asks for containment, `=` for equality.
    contains: bool,
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Email,
    GivenName,
    FamilyName,
    ExternalId,
    OrgUnitPath,
    IsSuspended,
    IsAdmin,
}

impl Field {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "email" => Self::Email,
            "givenName" | "name.givenName" => Self::GivenName,
            "familyName" | "name.familyName" => Self::FamilyName,
            "externalId" => Self::ExternalId,
            "orgUnitPath" => Self::OrgUnitPath,
            "isSuspended" => Self::IsSuspended,
            "isAdmin" => Self::IsAdmin,
            _ => return None,
        })
    }
}

impl Clause {
    fn holds(&self, customer: &Customer, user: &User) -> bool {
        match self.field {
            Field::Email => {
                let aliases = user.aliases.iter().any(|alias| self.matches(alias));
                aliases || self.matches(&user.primary_email)
            }
            Field::GivenName => self.matches(&user.given_name),
            Field::FamilyName => self.matches(&user.family_name),
            Field::ExternalId => {
                let ids = user.fields.get("externalIds").and_then(|ids| ids.as_array());
                ids.into_iter()
                    .flatten()
                    .filter_map(|id| id["value"].as_str())
                    .any(|value| self.matches(value))
            }
            Field::OrgUnitPath => is_within(customer.org_unit_path(&user.org_unit), &self.value),
            Field::IsSuspended => self.value == user.suspended.to_string(),
            Field::IsAdmin => self.value == customer.is_super_admin(&user.id).to_string(),
        }
    }

    fn matches(&self, held: &str) -> bool {
        let (held, wanted) = (held.to_lowercase(), self.value.to_lowercase());
        match wanted.strip_suffix('*') {
            Some(start) if self.contains => held.starts_with(start),
            Some(_) | None if self.contains => held.contains(&wanted),
            Some(_) | None => held == wanted,
        }
    }
}

fn parse(query: &str) -> Result<Vec<Clause>, Refusal> {
    let broken = || Refusal::invalid("Invalid Input: query");
    let mut clauses = Vec::new();
    let mut rest = query.trim();
    while !rest.is_empty() {
        if clauses.len() == CLAUSES_MOST {
            return Err(broken());
        }
        let operator = rest.find(['=', ':']).ok_or_else(broken)?;
        let field = Field::parse(rest[..operator].trim()).ok_or_else(broken)?;
        let contains = rest[operator..].starts_with(':');
        let (value, tail) = value(&rest[operator + 1..]).ok_or_else(broken)?;
        clauses.push(Clause { field, contains, value });
        rest = tail.trim_start();
    }
    Ok(clauses)
}

/// A value, in single quotes (with `\'` for a quote) or up to the next space.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('\'') else {
        let end = text.find(' ').unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..])).filter(|(value, _)| !value.is_empty());
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\'' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_or_refused() {
        let clause = |field, contains, value: &str| Clause { field, contains, value: value.into() };
        assert_eq!(parse("").unwrap(), []);
        assert_eq!(
            parse("externalId='E\\'1 x' isSuspended=false").unwrap(),
            [clause(Field::ExternalId, false, "E'1 x"), clause(Field::IsSuspended, false, "false")]
        );
        assert_eq!(parse("email:anna*").unwrap(), [clause(Field::Email, true, "anna*")]);
        for broken in ["x", "nothing=1", "email='a", "email=", "=x"] {
            assert!(parse(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn an_inverted_key_sorts_the_other_way_round() {
        let mut keys = ["b", "a", "ab", "", "å", "aa"];
        keys.sort_by_key(|key| inverted(key));
        assert_eq!(keys, ["å", "b", "ab", "aa", "a", ""]);
    }

    #[test]
    fn matching_knows_no_case() {
        let clause = |contains, value: &str| Clause { field: Field::Email, contains, value: value.into() };
        assert!(clause(false, "A@B").matches("a@b"));
        assert!(!clause(false, "a").matches("a@b"));
        assert!(clause(true, "an*").matches("Anna"));
        assert!(!clause(true, "nn*").matches("Anna"));
        assert!(clause(true, "nn").matches("Anna"));
    }
}
