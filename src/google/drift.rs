//! What others have changed on what carepass looks after in one reseller account, told from whole lists and from the rows. Pure: it judges
//! what was read. What Google leaves out is unknown, and never a finding; rows that their own steps are at work on are judged by those.
//! Not here: reading the lists and the rows (`engine/drift`), and what is done about a finding (`model/drift`).

use super::classify::YOUNG;
use super::directory::Account;
use super::licensing::PaidLicense;
use super::role::{Assignment, Role, is_legacy_access};
use crate::model::drift::{Finding, Kind, Policy};
use crate::model::engineer::Engineer;
use crate::model::enrollment::{Enrollment, RoleFact, State, Want};
use crate::model::event::Profile;
use crate::model::id::{AccountId, DomainName, EngineerKey, LocalPart, OrgUnitPath, RoleId};
use crate::model::plan::StepName;
use crate::model::reseller::{Privilege, Reseller, RoleChoice};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Whether a row's account is as it ought to be for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Everything was done for it.
    Ready,
    /// Access has ended.
    Gone,
    /// Its own steps are at work on it, or wait.
    UnderWay,
    /// Somebody has called it off: nobody looks after it.
    CalledOff,
}

/// A row of a domain with its account, as far as drift is judged by it.
pub struct Member {
    /// Whose.
    pub engineer: EngineerKey,
    /// Where.
    pub domain: DomainName,
    /// The row's version: whoever acts on a finding makes sure that it is still the same.
    pub version: u64,
    account: AccountId,
    standing: Standing,
    is_home: bool,
    profile: Profile,
    /// The primary address that it ought to have; none where it is not known.
    address: Option<String>,
    /// When the account was first known: what is so young may not show everything yet.
    since: Timestamp,
    given: BTreeSet<RoleId>,
    skipped: BTreeSet<StepName>,
}

/// The whole lists of an account, each begun after the rows were read.
pub struct Lists<'a> {
    /// Every account.
    pub accounts: &'a [Account],
    /// Who holds which role.
    pub assignments: &'a [Assignment],
    /// What roles may do.
    pub roles: &'a [Role],
    /// Who has a paid licence.
    pub licenses: &'a [PaidLicense],
    /// When the first of them began.
    pub began: Timestamp,
    /// When the last of them had ended: when what they show was so.
    pub ended: Timestamp,
}

/// What ought to be in the account.
pub struct Planned<'a> {
    /// As it is configured.
    pub reseller: &'a Reseller,
    /// The role of each profile, as the set-up resolved it.
    pub roles: &'a BTreeMap<Profile, RoleFact>,
    /// Where the unit is now.
    pub org_unit: &'a OrgUnitPath,
    /// What is done about what is found.
    pub policy: &'a Policy,
}

impl Member {
    /// A row that knows its account. `username`: the engineer's, if the record can be opened.
    pub fn of(row: &Enrollment, engineer: &Engineer, username: Option<&LocalPart>) -> Option<Self> {
        let (account, domain) = (row.facts.account.as_ref()?, row.id.domain()?);
        Some(Self {
            engineer: engineer.key.clone(),
            domain: domain.clone(),
            version: row.version,
            account: account.id.clone(),
            standing: Standing::of(row),
            is_home: account.home,
            profile: engineer.stated.profile,
            address: username.map(|name| format!("{name}@{domain}")),
            since: account.since,
            given: account.given.clone(),
            skipped: row.skipped.clone(),
        })
    }

    fn place(&self) -> (EngineerKey, DomainName) {
        (self.engineer.clone(), self.domain.clone())
    }
}

impl Standing {
    /// Of a row: a wish that is still to be taken up makes it one that is under way.
    pub fn of(row: &Enrollment) -> Self {
        match (&row.state, row.goal.want) {
            _ if row.next.is_some() => Self::UnderWay,
            (State::Cancelled { .. }, _) => Self::CalledOff,
            (State::Completed, Want::Present) => Self::Ready,
            (State::Scheduled { .. } | State::Waiting { .. } | State::Completed, Want::Absent)
                if row.has_lost_access() =>
            {
                Self::Gone
            }
            (
                State::Scheduled { .. } | State::Running { .. } | State::Waiting { .. } | State::Completed,
                _,
            ) => Self::UnderWay,
        }
    }
}

/// Everything that is otherwise than it ought to be. Whoever reads the rows leaves out none that knows an account: its holder would be a
/// stranger.
pub fn findings(planned: &Planned<'_>, lists: &Lists<'_>, members: &[Member]) -> Vec<Finding> {
    let judge = Judge::new(planned, lists);
    let of_roles = planned.reseller.roles().flat_map(|(profile, choice)| judge.role(profile, choice));
    let of_members = members.iter().flat_map(|member| judge.member(member));
    of_roles.chain(judge.strangers(members)).chain(of_members).collect()
}

/// The lists, put in order to be looked up.
struct Judge<'a> {
    planned: &'a Planned<'a>,
    lists: &'a Lists<'a>,
    accounts: BTreeMap<&'a str, &'a Account>,
    held: BTreeMap<&'a str, Vec<&'a Assignment>>,
    licenses: BTreeMap<&'a str, Vec<&'a PaidLicense>>,
    /// Carepass's own roles here.
    ours: BTreeSet<&'a RoleId>,
    legacy: BTreeSet<&'a RoleId>,
    /// The super administrator's, whom the account itself shows.
    highest: BTreeSet<&'a RoleId>,
}

impl<'a> Judge<'a> {
    fn new(planned: &'a Planned<'a>, lists: &'a Lists<'a>) -> Self {
        let mut held: BTreeMap<&str, Vec<&Assignment>> = BTreeMap::new();
        for assignment in lists.assignments {
            held.entry(&assignment.assigned_to).or_default().push(assignment);
        }
        let mut licenses: BTreeMap<&str, Vec<&PaidLicense>> = BTreeMap::new();
        for license in lists.licenses {
            licenses.entry(&license.address).or_default().push(license);
        }
        let configured = planned.roles.iter();
        let configured = configured.filter(|(profile, _)| planned.reseller.role_of(**profile).is_some());
        let legacy = lists.roles.iter().filter(|role| is_legacy_access(role));
        let highest = lists.roles.iter().filter(|role| role.is_super_admin);
        Self {
            planned,
            lists,
            accounts: lists.accounts.iter().map(|account| (account.id.as_str(), account)).collect(),
            held,
            licenses,
            ours: configured.map(|(_, role)| &role.id).collect(),
            legacy: legacy.map(|role| &role.id).collect(),
            highest: highest.map(|role| &role.id).collect(),
        }
    }

    /// What the role of a profile may do now, beside what was approved: what is pinned, or what it could do at the set-up. Where nothing
    /// is pinned, fewer is fine.
    fn role(&self, profile: Profile, choice: &RoleChoice) -> Vec<Finding> {
        let Some(known) = self.planned.roles.get(&profile) else { return Vec::new() };
        let found = |kind, detail: &str| self.found(kind, None, known.id.as_str(), detail);
        let Some(role) = self.lists.roles.iter().find(|role| role.id == known.id) else {
            return vec![found(Kind::RoleNarrowed, "the role is gone")];
        };
        let pins = choice.privileges();
        let approved = if pins.is_empty() { known.privileges.as_ref() } else { Some(pins) };
        let Some(approved) = approved else { return Vec::new() };
        let added: BTreeSet<&Privilege> = role.privileges.difference(approved).collect();
        let lacking: BTreeSet<&Privilege> = pins.difference(&role.privileges).collect();
        let is_whole = matches!(choice, RoleChoice::Custom { .. });
        let widened = (role.is_super_admin || !added.is_empty())
            .then(|| found(Kind::RoleWidened, &format!("added: {}{}", highest(role), shown(&added))));
        let narrowed = (is_whole && !lacking.is_empty())
            .then(|| found(Kind::RoleNarrowed, &format!("lacks: {}", shown(&lacking))));
        widened.into_iter().chain(narrowed).collect()
    }

    /// Whoever holds one of our roles and has no row here.
    fn strangers(&self, members: &[Member]) -> Vec<Finding> {
        let known: BTreeSet<&str> = members.iter().map(|member| member.account.as_str()).collect();
        let strange =
            |held: &&Assignment| self.ours.contains(&held.role) && !known.contains(held.assigned_to.as_str());
        let mut holders: BTreeMap<&str, BTreeSet<&RoleId>> = BTreeMap::new();
        for held in self.lists.assignments.iter().filter(strange) {
            holders.entry(&held.assigned_to).or_default().insert(&held.role);
        }
        let found = |(holder, roles): (&str, BTreeSet<&RoleId>)| {
            self.found(Kind::UnknownHolder, None, holder, &holding(roles))
        };
        holders.into_iter().map(found).collect()
    }

    fn member(&self, member: &Member) -> Vec<Finding> {
        let is_young = self.lists.began.duration_since(member.since) < YOUNG;
        match member.standing {
            Standing::UnderWay | Standing::CalledOff => Vec::new(),
            Standing::Gone => self.gone(member),
            Standing::Ready if is_young => Vec::new(),
            Standing::Ready => self.ready(member),
        }
    }

    fn ready(&self, member: &Member) -> Vec<Finding> {
        let Some(account) = self.accounts.get(member.account.as_str()) else {
            return vec![self.of(member, Kind::Deleted, "it is not in the list of accounts")];
        };
        let mut found: Vec<Finding> = self.rights(member, account).chain(self.roles_of(member)).collect();
        if !member.is_home {
            found.extend(self.identity(member, account));
            found.extend(self.license(member, account));
        }
        found
    }

    /// Who may do what with the account at all.
    fn rights(&self, member: &Member, account: &Account) -> impl Iterator<Item = Finding> {
        let administrator =
            (account.is_admin == Some(true)).then(|| self.of(member, Kind::SuperAdministrator, ""));
        let archived = (account.archived == Some(true)).then_some("archived");
        let suspended = (account.suspended == Some(true))
            .then(|| account.suspension_reason.as_deref().unwrap_or("suspended"));
        let suspended = suspended.or(archived).map(|why| self.of(member, Kind::Suspended, why));
        administrator.into_iter().chain(suspended)
    }

    /// Whether carepass still knows the account as its own, and where it is.
    fn identity(&self, member: &Member, account: &Account) -> impl Iterator<Item = Finding> {
        let marker = match account.marker.as_deref() {
            Some(marker) if marker == member.engineer.as_str() => None,
            Some(_) => Some("another marker"),
            None => Some("no marker, or more than one"),
        };
        let marker = marker.map(|what| self.of(member, Kind::MarkerGone, what));
        let address = member.address.as_ref().filter(|address| **address != account.primary_address);
        let renamed = address.map(|_| self.of(member, Kind::Renamed, ""));
        let unit = account.org_unit_path.as_deref().filter(|unit| {
            unit.to_lowercase() != self.planned.org_unit.as_str().to_lowercase()
                && !member.skipped.contains(&StepName::Verify)
        });
        let unit = unit.map(|_| self.of(member, Kind::UnitChanged, ""));
        marker.into_iter().chain(renamed).chain(unit)
    }

    /// What it holds, beside what its engineer's profile gives. Google's legacy roles for support do as well as that of support cases.
    fn roles_of(&self, member: &Member) -> Vec<Finding> {
        let Some(role) = self.planned.roles.get(&member.profile).map(|role| &role.id) else {
            return Vec::new();
        };
        let held = self.held.get(member.account.as_str()).map(Vec::as_slice).unwrap_or_default();
        let is_legacy = |held: &Assignment| self.legacy.contains(&held.role);
        let gives = |held: &&&Assignment| {
            held.customer_wide
                && (held.role == *role || member.profile == Profile::SupportCases && is_legacy(held))
        };
        let has_access = held.iter().any(|held| gives(&held)) || member.skipped.contains(&StepName::Role);
        let taken = (!has_access).then(|| self.of(member, Kind::RoleTaken, &format!("the role {role}")));
        let is_other = |held: &&&Assignment| {
            held.role != *role && !is_legacy(held) && !self.highest.contains(&held.role)
        };
        // Of one role there may be several assignments.
        let others: BTreeSet<&RoleId> = held.iter().filter(is_other).map(|held| &held.role).collect();
        let others = others.into_iter().map(|role| {
            let is_ours = self.ours.contains(role) || member.given.contains(role);
            let kind = if is_ours { Kind::SpareRole } else { Kind::OtherRole };
            self.of(member, kind, &holding([role]))
        });
        taken.into_iter().chain(others).collect()
    }

    /// What somebody took as done stays as it is.
    fn license(&self, member: &Member, account: &Account) -> Option<Finding> {
        if member.skipped.contains(&StepName::NoPaidLicense) {
            return None;
        }
        let licenses = self.licenses.get(account.primary_address.as_str())?;
        let skus: BTreeSet<String> =
            licenses.iter().map(|license| format!("{}/{}", license.product, license.sku)).collect();
        let skus: Vec<String> = skus.into_iter().collect();
        Some(self.of(member, Kind::PaidLicense, &skus.join(" ")))
    }

    /// Whose access has ended. An account that was deleted is gone for good.
    fn gone(&self, member: &Member) -> Vec<Finding> {
        let Some(account) = self.accounts.get(member.account.as_str()) else { return Vec::new() };
        let held = self.held.get(member.account.as_str()).map(Vec::as_slice).unwrap_or_default();
        let is_ours =
            |held: &&&Assignment| self.ours.contains(&held.role) || member.given.contains(&held.role);
        let roles: BTreeSet<&RoleId> = held.iter().filter(is_ours).map(|held| &held.role).collect();
        let holds = (!roles.is_empty()).then(|| holding(roles));
        let open = (account.suspended == Some(false) && !member.is_home).then(|| "it is open".to_owned());
        let why: Vec<String> = holds.into_iter().chain(open).collect();
        let reopened = (!why.is_empty()).then(|| self.of(member, Kind::Reopened, &why.join("; ")));
        let license = if member.is_home { None } else { self.license(member, account) };
        reopened.into_iter().chain(license).collect()
    }

    fn of(&self, member: &Member, kind: Kind, detail: &str) -> Finding {
        self.found(kind, Some(member.place()), member.account.as_str(), detail)
    }

    fn found(
        &self,
        kind: Kind,
        of: Option<(EngineerKey, DomainName)>,
        subject: &str,
        detail: &str,
    ) -> Finding {
        Finding::new(kind, of, subject, detail, self.lists.ended, self.planned.policy)
    }
}

/// Evidence that is the same as long as the roles are.
fn holding<'a>(roles: impl IntoIterator<Item = &'a RoleId>) -> String {
    let roles: Vec<String> = roles.into_iter().map(ToString::to_string).collect();
    format!("holds the role {}", roles.join(" "))
}

fn highest(role: &Role) -> &'static str {
    if role.is_super_admin { "everything " } else { "" }
}

fn shown(privileges: &BTreeSet<&Privilege>) -> String {
    let pairs: Vec<String> =
        privileges.iter().map(|privilege| format!("{}/{}", privilege.service_id, privilege.name)).collect();
    pairs.join(" ")
}

#[cfg(test)]
#[path = "drift_tests.rs"]
mod tests;
