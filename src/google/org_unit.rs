//! Organisational units: found by path or by id, made under an existing parent.
//! Not here: which unit (configuration), and that its automatic licensing is off (no API).

use super::call::Call;
use super::classify::Meaning;
use super::request::{Request, UnitKey};
use super::{Google, Outcome, unexpected};
use crate::model::failure::{Failure, FailureCode};
use crate::model::id::{OrgUnitId, OrgUnitPath};
use serde::Deserialize;

/// An organisational unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrgUnit {
    /// Its id with the Directory API's prefix (`id:03ph…`).
    pub id: String,
    /// Its path.
    pub path: String,
    /// The id of the unit above it; the top has none.
    pub parent: Option<String>,
}

/// What came of making a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrgUnitCreation {
    /// It was made.
    Made(OrgUnit),
    /// It was there, or the refusal was not true.
    Found(OrgUnit),
}

impl Google {
    /// The unit at the path, if there is one.
    pub async fn org_unit(&self, path: &OrgUnitPath) -> Result<Option<OrgUnit>, Failure> {
        let request = Request::GetOrgUnit { customer: &self.shared.customer, key: UnitKey::Path(path) };
        match self.ask(&request).await? {
            Outcome::Done(answer) => same(answer.decode::<WireOrgUnit>(Call::GetOrgUnit)?, path).map(Some),
            Outcome::Means(Meaning::NotThere) => Ok(None),
            Outcome::Means(
                meaning @ (Meaning::AlreadyExists | Meaning::AlreadyHeld | Meaning::Unavailable),
            ) => Err(unexpected(Call::GetOrgUnit, meaning)),
        }
    }

    /// The unit of that id, wherever it is now and whatever its name, if it still exists.
    pub async fn org_unit_by_id(&self, id: &OrgUnitId) -> Result<Option<OrgUnit>, Failure> {
        let request = Request::GetOrgUnit { customer: &self.shared.customer, key: UnitKey::Id(id) };
        match self.ask(&request).await? {
            Outcome::Done(answer) => {
                let unit = OrgUnit::from(answer.decode::<WireOrgUnit>(Call::GetOrgUnit)?);
                if unit.id == id.as_str() { Ok(Some(unit)) } else { Err(another()) }
            }
            Outcome::Means(Meaning::NotThere) => Ok(None),
            Outcome::Means(
                meaning @ (Meaning::AlreadyExists | Meaning::AlreadyHeld | Meaning::Unavailable),
            ) => Err(unexpected(Call::GetOrgUnit, meaning)),
        }
    }

    /// Makes the unit. Google's refusals of this call are not to be believed (401, 500 and 400 have all been seen after a
    /// success), so after any of them it looks, and adopts what is there. Errors: the refusal, if nothing is there.
    pub async fn create_org_unit(&self, path: &OrgUnitPath) -> Result<OrgUnitCreation, Failure> {
        let request = Request::InsertOrgUnit { customer: &self.shared.customer, path };
        let refusal = match self.ask(&request).await {
            Ok(Outcome::Done(answer)) => {
                match answer.decode::<WireOrgUnit>(Call::InsertOrgUnit).and_then(|unit| same(unit, path)) {
                    Ok(unit) => return Ok(OrgUnitCreation::Made(unit)),
                    Err(unreadable) => unreadable,
                }
            }
            Ok(Outcome::Means(Meaning::AlreadyExists)) => Failure::not_yet(FailureCode::OrgUnitSettling)
                .with_detail("the unit exists and is not visible yet"),
            Ok(Outcome::Means(
                meaning @ (Meaning::NotThere | Meaning::AlreadyHeld | Meaning::Unavailable),
            )) => unexpected(Call::InsertOrgUnit, meaning),
            Err(failure) => failure,
        };
        match self.org_unit(path).await {
            Ok(Some(unit)) => Ok(OrgUnitCreation::Found(unit)),
            Ok(None) | Err(_) => Err(refusal),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireOrgUnit {
    org_unit_id: String,
    org_unit_path: String,
    parent_org_unit_id: Option<String>,
}

impl From<WireOrgUnit> for OrgUnit {
    fn from(wire: WireOrgUnit) -> Self {
        Self { id: wire.org_unit_id, path: wire.org_unit_path, parent: wire.parent_org_unit_id }
    }
}

/// The unit, if it is the one at the path.
fn same(wire: WireOrgUnit, path: &OrgUnitPath) -> Result<OrgUnit, Failure> {
    if wire.org_unit_path.to_lowercase() == path.as_str().to_lowercase() {
        return Ok(wire.into());
    }
    Err(another())
}

fn another() -> Failure {
    Failure::permanent(FailureCode::UnknownAnswer).with_detail("asked for one unit, got another")
}

#[cfg(test)]
mod tests {
    use super::super::fixture_tests::{Fake, Reply};
    use super::*;
    use serde_json::json;

    #[test]
    fn only_the_unit_at_the_path_is_taken() {
        let path = "/Customer Care".parse().unwrap();
        let unit = |path: &str| WireOrgUnit {
            org_unit_id: "id:03ph".to_owned(),
            org_unit_path: path.to_owned(),
            parent_org_unit_id: None,
        };
        assert_eq!(same(unit("/customer care"), &path).unwrap().id, "id:03ph");
        assert!(same(unit("/Customer Care/Below"), &path).is_err());
    }

    #[tokio::test]
    async fn a_unit_is_known_by_its_id_wherever_it_went() {
        let id = "id:03ph8a2z1abcdef".parse().unwrap();
        let unit = |id: &str| {
            let body =
                json!({"orgUnitId": id, "orgUnitPath": "/Support/Care", "parentOrgUnitId": "id:03phtop"});
            Reply::json(200, &body)
        };
        let replies = vec![
            unit("id:03ph8a2z1abcdef"),
            unit("id:03phother"),
            Reply::error(404, "notFound", "Org unit not found"),
        ];
        let (fake, google) = Fake::start(replies).await;
        let found = google.org_unit_by_id(&id).await.unwrap().unwrap();
        assert_eq!((found.path.as_str(), found.parent.as_deref()), ("/Support/Care", Some("id:03phtop")));
        assert_eq!(google.org_unit_by_id(&id).await.unwrap_err().code, FailureCode::UnknownAnswer);
        assert_eq!(google.org_unit_by_id(&id).await, Ok(None));
        assert!(
            fake.calls()[0].ends_with("/customer/C01abc123/orgunits/id:03ph8a2z1abcdef"),
            "{:?}",
            fake.calls()
        );
    }
}
