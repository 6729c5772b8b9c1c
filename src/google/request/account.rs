//! What can be asked about one account that is named by its immutable id: each change carries what it is for and can hold nothing else,
//! so no address, unit or administrator's right is changed by accident.
//! Not here: making, reading and restoring accounts (`Request` itself), and whether the account is ours (`guard`).

use super::content::ACCOUNT_FIELDS;
use super::path::Value;
use super::{Body, local_part};
use crate::google::call::Call;
use crate::model::id::{AccountId, Address, ClientId, MailAddress};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

/// What is read or changed. The changes of `users.update` are sent with PUT, which keeps what the body does not name
/// (`docs/GOOGLE.md` 76).
#[derive(Clone, Copy)]
pub enum AccountAct<'a> {
    /// Nobody can sign in any more.
    Suspend,
    /// The opposite.
    Unsuspend,
    /// Another name; what the insert allows.
    SetNames {
        /// Given name, at most 40 characters.
        given: &'a str,
        /// Family name, at most 40 characters.
        family: &'a str,
    },
    /// Where Google sends account recovery.
    SetRecoveryAddress(&'a MailAddress),
    /// A new initial password, which must be changed at the next sign-in.
    SetPassword(&'a SecretString),
    /// Deletes the account; Google keeps it for 20 days.
    Delete,
    /// Ends all sessions.
    SignOut,
    /// The programs that were let in.
    ListTokens,
    /// Locks one of them out.
    DeleteToken(&'a ClientId),
    /// The application passwords.
    ListPasswords,
    /// Takes one of them away, by its number.
    DeletePassword(u32),
    /// Makes all backup codes worthless.
    InvalidateCodes,
    /// The aliases that are the account's own.
    ListAliases,
    /// Adds one.
    AddAlias(&'a Address),
}

impl<'a> AccountAct<'a> {
    pub(super) fn call(self) -> Call {
        match self {
            Self::Suspend
            | Self::Unsuspend
            | Self::SetNames { .. }
            | Self::SetRecoveryAddress(_)
            | Self::SetPassword(_) => Call::UpdateUser,
            Self::Delete => Call::DeleteUser,
            Self::SignOut => Call::SignOut,
            Self::ListTokens => Call::ListTokens,
            Self::DeleteToken(_) => Call::DeleteToken,
            Self::ListPasswords => Call::ListPasswords,
            Self::DeletePassword(_) => Call::DeletePassword,
            Self::InvalidateCodes => Call::InvalidateCodes,
            Self::ListAliases => Call::ListAliases,
            Self::AddAlias(_) => Call::InsertAlias,
        }
    }

    /// What Google's answer may repeat and no log or failure may show.
    pub(super) fn private_words(self) -> Vec<&'a str> {
        match self {
            Self::SetNames { given, family } => vec![given, family],
            Self::SetRecoveryAddress(address) => vec![address.as_str(), local_part(address)],
            Self::SetPassword(password) => vec![password.expose_secret()],
            Self::AddAlias(address) => vec![address.local_part.as_str()],
            Self::Suspend
            | Self::Unsuspend
            | Self::Delete
            | Self::SignOut
            | Self::ListTokens
            | Self::DeleteToken(_)
            | Self::ListPasswords
            | Self::DeletePassword(_)
            | Self::InvalidateCodes
            | Self::ListAliases => Vec::new(),
        }
    }

    /// The values of the path template, in order: the account always comes first.
    pub(super) fn values(self, id: &'a AccountId) -> Vec<Value<'a>> {
        let account = Value::Account(id);
        match self {
            Self::DeleteToken(client) => vec![account, Value::Client(client)],
            Self::DeletePassword(code) => vec![account, Value::Code(code)],
            Self::Suspend
            | Self::Unsuspend
            | Self::SetNames { .. }
            | Self::SetRecoveryAddress(_)
            | Self::SetPassword(_)
            | Self::Delete
            | Self::SignOut
            | Self::ListTokens
            | Self::ListPasswords
            | Self::InvalidateCodes
            | Self::ListAliases
            | Self::AddAlias(_) => vec![account],
        }
    }

    pub(super) fn query(self) -> Vec<(&'static str, String)> {
        let fields = match self {
            Self::Suspend
            | Self::Unsuspend
            | Self::SetNames { .. }
            | Self::SetRecoveryAddress(_)
            | Self::SetPassword(_) => ACCOUNT_FIELDS,
            Self::ListTokens => "items(clientId)",
            Self::ListPasswords => "items(codeId)",
            Self::ListAliases => "aliases(alias)",
            Self::Delete
            | Self::SignOut
            | Self::DeleteToken(_)
            | Self::DeletePassword(_)
            | Self::InvalidateCodes
            | Self::AddAlias(_) => return Vec::new(),
        };
        vec![("fields", fields.to_owned())]
    }

    pub(super) fn body(self) -> Body {
        Body::Json(match self {
            Self::Suspend => json!({"suspended": true}),
            Self::Unsuspend => json!({"suspended": false}),
            Self::SetNames { given, family } => json!({"name": {"givenName": given, "familyName": family}}),
            Self::SetRecoveryAddress(address) => json!({"recoveryEmail": address.as_str()}),
            Self::SetPassword(password) => {
                json!({"password": password.expose_secret(), "changePasswordAtNextLogin": true})
            }
            Self::AddAlias(address) => json!({"alias": address.to_string()}),
            Self::Delete
            | Self::SignOut
            | Self::ListTokens
            | Self::DeleteToken(_)
            | Self::ListPasswords
            | Self::DeletePassword(_)
            | Self::InvalidateCodes
            | Self::ListAliases => return Body::Empty,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::google::Endpoint;
    use crate::google::request::Request;
    use reqwest::Method;
    use std::collections::BTreeSet;

    /// Each act with what its body may hold.
    fn check(mut each: impl FnMut(AccountAct<'_>, &[&str])) {
        let password = SecretString::from("correct horse".to_owned());
        let mail = "asa@nordresale.example".parse().unwrap();
        let alias = Address {
            local_part: "asa.berg".parse().unwrap(),
            domain: "reseller-se.example".parse().unwrap(),
        };
        let client = "770.apps.googleusercontent.com".parse().unwrap();
        each(AccountAct::Suspend, &["suspended"]);
        each(AccountAct::Unsuspend, &["suspended"]);
        each(AccountAct::SetNames { given: "Åsa", family: "Berg" }, &["name.familyName", "name.givenName"]);
        each(AccountAct::SetRecoveryAddress(&mail), &["recoveryEmail"]);
        each(AccountAct::SetPassword(&password), &["changePasswordAtNextLogin", "password"]);
        each(AccountAct::Delete, &[]);
        each(AccountAct::SignOut, &[]);
        each(AccountAct::ListTokens, &[]);
        each(AccountAct::DeleteToken(&client), &[]);
        each(AccountAct::ListPasswords, &[]);
        each(AccountAct::DeletePassword(7), &[]);
        each(AccountAct::InvalidateCodes, &[]);
        each(AccountAct::ListAliases, &[]);
        each(AccountAct::AddAlias(&alias), &["alias"]);
    }

    fn keys(body: &Body) -> BTreeSet<String> {
        let Body::Json(json) = body else { return BTreeSet::new() };
        let object = json.as_object().unwrap();
        let below = |(key, value): (&String, &serde_json::Value)| match value.as_object() {
            Some(inner) => inner.keys().map(|name| format!("{key}.{name}")).collect(),
            None => vec![key.clone()],
        };
        object.iter().flat_map(below).collect()
    }

    #[test]
    fn a_change_names_the_account_by_its_id_and_can_hold_nothing_else() {
        let id = "103".parse().unwrap();
        check(|act, allowed| {
            let request = Request::Account { id: &id, act };
            let outgoing = request.build(&Endpoint::Google).unwrap();
            let path = outgoing.url.path();
            assert!(
                path == "/admin/directory/v1/users/103" || path.starts_with("/admin/directory/v1/users/103/"),
                "{path}"
            );
            let held = keys(&outgoing.body);
            assert_eq!(held, allowed.iter().map(|&key| key.to_owned()).collect(), "{request:?}");
            for never in ["primaryEmail", "isAdmin", "orgUnitPath", "externalIds", "archived", "hashFunction"]
            {
                assert!(!held.contains(never), "{request:?}");
            }
            let is_change = outgoing.method == Method::PUT;
            assert_eq!(is_change, request.call() == Call::UpdateUser);
            assert!(!format!("{request:?} {outgoing:?}").contains("103"));
        });
    }

    #[test]
    fn what_is_personal_is_private() {
        let words = |act: AccountAct<'_>| act.private_words().join(" ");
        check(|act, allowed| {
            let public = allowed.is_empty() || allowed == ["suspended"];
            assert_eq!(words(act).is_empty(), public);
        });
        assert_eq!(words(AccountAct::SetNames { given: "Åsa", family: "Berg" }), "Åsa Berg");
    }
}
