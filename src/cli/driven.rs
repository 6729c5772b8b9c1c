//! Which replica works for which reseller account, where several share a store. Not here: how that is decided (`model/spread`).

use super::answers::ResellerAnswer;
use super::client::{Client, ClientError};
use crate::model::person::Language;
use std::collections::BTreeMap;

/// The replicas by the reseller account that they work for; empty where only one process has the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Driven(BTreeMap<String, String>);

impl Driven {
    /// Asks the daemon.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn ask(client: &Client) -> Result<Self, ClientError> {
        let answers = client.list(&["v1", "resellers"], &[]).await?;
        let resellers: Vec<ResellerAnswer> =
            answers.into_iter().map(|answer| client.read(answer)).collect::<Result<_, _>>()?;
        Ok(Self::of(&resellers))
    }

    /// What the daemon's answer says.
    pub fn of(resellers: &[ResellerAnswer]) -> Self {
        let of = |one: &ResellerAnswer| Some((one.name.clone(), one.driven_by.clone()?));
        Self(resellers.iter().filter_map(of).collect())
    }

    /// Who works for an account.
    pub fn by(&self, reseller: &str) -> Option<&str> {
        self.0.get(reseller).map(String::as_str)
    }

    /// All of them, as data.
    pub fn all(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// One sentence about these accounts; none where nobody is known to work for any of them.
    pub fn sentence<'a>(
        &self,
        resellers: impl Iterator<Item = &'a str>,
        language: Language,
    ) -> Option<String> {
        let mut by = BTreeMap::<&str, Vec<&str>>::new();
        for (reseller, replica) in resellers.filter_map(|name| Some((name, self.by(name)?))) {
            let accounts = by.entry(replica).or_default();
            if !accounts.contains(&reseller) {
                accounts.push(reseller);
            }
        }
        let parts: Vec<String> = by
            .into_iter()
            .map(|(replica, mut accounts)| {
                accounts.sort_unstable();
                format!("{replica} ({})", accounts.join(", "))
            })
            .collect();
        let parts = Some(parts.join(", ")).filter(|parts| !parts.is_empty())?;
        Some(match language {
            Language::English => format!("Driven by {parts}."),
            Language::Swedish => format!("Drivs av {parts}."),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn replicas_are_named_with_their_accounts() {
        let of = |driven: serde_json::Value| {
            let answers = json!([{ "name": "se", "driven_by": driven }, { "name": "no", "driven_by": "a" }, { "name": "dk" }]);
            Driven::of(&serde_json::from_value::<Vec<ResellerAnswer>>(answers).unwrap())
        };
        let check = |driven: &Driven, asked: &[&str], expected: Option<&str>| {
            let said = driven.sentence(asked.iter().copied(), Language::English);
            assert_eq!(said.as_deref(), expected, "{asked:?}");
        };
        let two = of("b".into());
        check(&two, &["se", "no", "se", "dk"], Some("Driven by a (no), b (se)."));
        check(&of("a".into()), &["se", "no"], Some("Driven by a (no, se)."));
        check(&two, &["dk"], None);
        check(&Driven::default(), &["se"], None);
    }
}
