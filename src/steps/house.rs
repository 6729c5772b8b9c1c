//! What steps may use: the house's services, the row in hand, and the guards that every write to an account passes.
//! Not here: what any one step does with them.

use super::learned::Learned;
use super::role;
use crate::clock::Clock;
use crate::google::census::{Census, Fresh};
use crate::google::classify::YOUNG;
use crate::google::guard::{self, Expected};
use crate::google::{Account, Assignment, Google};
use crate::handover::Handovers;
use crate::mail::{Mailer, PortalUrl};
use crate::model::engineer::Engineer;
use crate::model::enrollment::{AccountFact, Enrollment, RoleFact};
use crate::model::failure::{Failure, FailureCode, Who};
use crate::model::id::{Address, EngineerKey, LocalPart, MailAddress, OrgUnitPath, ResellerName, RoleId};
use crate::model::person::{Language, Locale, Person};
use crate::model::reseller::{LicenseMode, Reseller, RoleChoice};
use crate::model::roster::Roster;
use crate::model::rules::later;
use crate::model::sealed::{Sealed, WrappedKey};
use crate::model::transition::Ensured;
use crate::model::username::Naming;
use crate::planted::planted;
use crate::seal::{SealError, Sealer};
use crate::store::{Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A guard's read of an account may be this old when the write is sent (guard 1).
const WRITE_AGE_MAX: SignedDuration = SignedDuration::from_secs(60);

/// A guard's read of an account may be this old when the step begins, whose turn at Google's limits was taken before; the rest of
/// [`WRITE_AGE_MAX`] is for a token, and for the turn of a row that began without one.
const READ_AGE_MAX: SignedDuration = SignedDuration::from_secs(50);

/// A role's definition may be this old when the role is given.
pub const ROLE_AGE_MAX: SignedDuration = SignedDuration::from_mins(5);

/// A bulk read may be this old when a row looks for its own fact in it.
const LIST_AGE_MAX: SignedDuration = SignedDuration::from_secs(30);

/// The services that steps use.
pub struct House {
    /// The configured reseller accounts.
    pub sites: BTreeMap<ResellerName, Site>,
    /// Rows, engineers, reservations.
    pub store: Arc<dyn Store>,
    /// Opens and seals what is personal.
    pub sealer: Sealer,
    /// Sends letters.
    pub mailer: Mailer,
    /// The time.
    pub clock: Clock,
    /// How usernames are made.
    pub naming: Naming,
    /// The language of letters to an engineer of whom HR does not say one.
    pub letters_language: Language,
    /// How long a licence must have been refused before it is believed to come by itself.
    pub license_spacing: SignedDuration,
    /// Where support cases are handled.
    pub portal: PortalUrl,
    /// The ways for first passwords.
    pub handovers: Handovers,
    /// Whether managers are written to.
    pub to_managers: bool,
}

/// One reseller account with its client.
pub struct Site {
    /// What the operator configured.
    pub reseller: Reseller,
    /// The client.
    pub google: Google,
    /// Bulk reads, shared by all rows.
    pub census: Census,
    /// What was found out by trying.
    pub learned: Learned,
}

/// An engineer as the steps need it: unsealed, in memory only.
pub struct Sheet {
    /// The stored record.
    pub engineer: Engineer,
    /// The person in clear.
    pub person: Person,
    /// The engineer's data key.
    pub data_key: WrappedKey,
    /// The reserved local part.
    pub username: Option<LocalPart>,
    /// Other local parts of the engineer's, which are aliases of the accounts; the newest last.
    pub aliases: Vec<LocalPart>,
}

/// Why an engineer's sheet cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The sealed data cannot be opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The record or its data key is not there, or what was sealed is no person.
    #[error("the engineer's sealed record is incomplete")]
    Incomplete,
}

/// Everything one run of a step sees.
pub struct Context<'a> {
    /// The services.
    pub house: &'a House,
    /// The row, as it was claimed for this run.
    pub row: &'a Enrollment,
    /// What is known of the reseller accounts.
    pub roster: &'a Roster,
    /// The row of the reseller account, for steps of a domain.
    pub reseller_row: Option<&'a Enrollment>,
    /// The engineer, for steps of a domain or an engineer.
    pub sheet: Option<&'a Sheet>,
    /// The attempt, counted from 1. Not every run spends one: see `is_first`.
    pub attempt: u32,
    /// No run of this step has ever begun before this one.
    pub is_first: bool,
    /// Since when the step is the current one, or the row's last wait is over.
    pub since: Timestamp,
    /// Why the reseller account gets no new account now, unless this row is the one that probes.
    pub wall: Option<FailureCode>,
}

impl Site {
    /// How the free licence comes to an account, with what was learned.
    pub fn license_mode(&self, now: Timestamp) -> LicenseMode {
        match self.reseller.license {
            LicenseMode::Auto if self.learned.is_site_licensed(now) => LicenseMode::Site,
            mode @ (LicenseMode::Auto | LicenseMode::Site | LicenseMode::PerUser) => mode,
        }
    }
}

impl House {
    /// The place a person's record is sealed for.
    pub fn person_place(key: &EngineerKey) -> String {
        format!("engineer/{key}/person")
    }

    /// The place a local part is sealed for.
    pub fn username_place(key: &EngineerKey) -> String {
        format!("engineer/{key}/username")
    }

    /// The place a token of Vault's is sealed for.
    pub fn wrapped_place(key: &EngineerKey, issue: u32) -> String {
        format!("engineer/{key}/wrapped/{issue}")
    }

    /// Opens the first password that is sealed into a row.
    ///
    /// # Errors
    /// When there is none, or it was sealed with another key or for another row.
    pub fn first_password(&self, key: &WrappedKey, row: &Enrollment) -> Result<SecretString, SheetError> {
        let sealed = row.credential.as_ref().ok_or(SheetError::Incomplete)?;
        let plain = self.sealer.unseal(key, &row.id.to_string(), sealed)?;
        std::str::from_utf8(&plain).map(SecretString::from).map_err(|_| SheetError::Incomplete)
    }

    /// The language of letters to an engineer: the one HR asked for, else the house's own.
    pub fn language_of(&self, person: &Person) -> Language {
        person.locale.as_ref().map_or(self.letters_language, Locale::language)
    }

    /// Reads and opens an engineer's record.
    pub async fn sheet(&self, key: &EngineerKey) -> Result<Sheet, SheetError> {
        let engineer = self.store.engineer(key).await?.ok_or(SheetError::Incomplete)?;
        self.opened(engineer).await
    }

    /// Reads an engineer's record once more; where it is as it was, what was opened is still open.
    pub async fn sheet_again(&self, key: &EngineerKey, known: Option<Sheet>) -> Result<Sheet, SheetError> {
        let engineer = self.store.engineer(key).await?.ok_or(SheetError::Incomplete)?;
        match known.filter(|known| known.engineer == engineer) {
            Some(known) => Ok(known),
            None => self.opened(engineer).await,
        }
    }

    async fn opened(&self, engineer: Engineer) -> Result<Sheet, SheetError> {
        let key = &engineer.key;
        // A key file that cannot be read concerns this engineer alone, and never the store as a whole.
        let data_key = match self.store.data_key(key).await {
            Err(StoreError::Damaged(_)) => None,
            answer => answer?,
        };
        let data_key = data_key.ok_or(SheetError::Incomplete)?;
        let sealed = engineer.stated.person.as_ref().ok_or(SheetError::Incomplete)?;
        let person = self.open(&data_key, &Self::person_place(key), sealed)?;
        let username = match &engineer.username {
            Some(sealed) => Some(self.open(&data_key, &Self::username_place(key), sealed)?),
            None => None,
        };
        let opened =
            engineer.aliases.iter().map(|sealed| self.open(&data_key, &Self::username_place(key), sealed));
        let aliases = opened.collect::<Result<_, _>>()?;
        Ok(Sheet { engineer, person, data_key, username, aliases })
    }

    /// Opens a sealed value of an engineer.
    pub fn open<T: serde::de::DeserializeOwned>(
        &self,
        key: &WrappedKey,
        place: &str,
        sealed: &Sealed,
    ) -> Result<T, SheetError> {
        let plain = self.sealer.unseal(key, place, sealed)?;
        serde_json::from_slice(&plain).map_err(|_| SheetError::Incomplete)
    }
}

impl From<SheetError> for Failure {
    fn from(error: SheetError) -> Self {
        match error {
            SheetError::Store(_) => Self::transient(FailureCode::StoreUnavailable),
            SheetError::Seal(_) | SheetError::Incomplete => Self::permanent(FailureCode::SealBroken),
        }
    }
}

impl<'a> Context<'a> {
    /// The reseller account of the row.
    pub fn site(&self) -> Result<&'a Site, Failure> {
        let site = self.row.id.reseller().and_then(|name| self.house.sites.get(name));
        site.ok_or_else(|| Failure::needs(Who::Operator, FailureCode::ResellerRemoved))
    }

    /// The client for calls about the row's account: while the account is young, Google's "forbidden" may be propagation.
    pub fn google(&self) -> Result<Google, Failure> {
        let since = self.row.facts.account.as_ref().map(|account| account.since);
        Ok(self.site()?.google.made_at(since))
    }

    /// The client for writes to an account that passed the guards: none is sent later than [`WRITE_AGE_MAX`] after the read.
    pub fn google_for(&self, guarded: &Guarded) -> Result<Google, Failure> {
        self.writing(guarded.fact.read_at)
    }

    /// The client for a write to the row's account that was judged as it was read at this time.
    pub fn writing(&self, read_at: Timestamp) -> Result<Google, Failure> {
        Ok(self.google()?.writing_until(later(read_at, WRITE_AGE_MAX)))
    }

    /// The first password that is sealed into a row of the engineer.
    pub fn first_password(&self, row: &Enrollment) -> Result<SecretString, Failure> {
        Ok(self.house.first_password(&self.sheet()?.data_key, row)?)
    }

    /// Whether a new account may be tried for; else the row waits as the one does that ran into the wall.
    pub fn check_wall(&self) -> Result<(), Failure> {
        self.wall.map_or(Ok(()), |code| Err(Failure::needs(Who::Operator, code)))
    }

    /// The engineer of the row.
    pub fn sheet(&self) -> Result<&'a Sheet, Failure> {
        self.sheet.ok_or_else(|| Failure::permanent(FailureCode::SealBroken))
    }

    /// The address of the engineer in the row's domain.
    pub fn address(&self) -> Result<Address, Failure> {
        let local_part = self.sheet()?.username.clone();
        let pair = local_part.zip(self.row.id.domain().cloned());
        let (local_part, domain) = pair.ok_or_else(|| Failure::transient(FailureCode::StoreUnavailable))?;
        Ok(Address { local_part, domain })
    }

    /// The role of the engineer's profile, as it is configured. Errors: `profile_unconfigured`.
    pub fn role_choice(&self) -> Result<&'a RoleChoice, Failure> {
        let choice = self.site()?.reseller.role_of(self.sheet()?.engineer.stated.profile);
        choice.ok_or_else(|| Failure::needs(Who::Operator, FailureCode::ProfileUnconfigured))
    }

    /// The role of the engineer's profile, as the reseller's set-up resolved it.
    pub fn role_fact(&self) -> Result<&'a RoleFact, Failure> {
        self.role_choice()?;
        let profile = self.sheet()?.engineer.stated.profile;
        let role = self.reseller_row.and_then(|row| row.facts.roles.get(&profile));
        role.ok_or_else(|| Failure::needs(Who::Reseller, FailureCode::ResellerNotReady))
    }

    /// The id of that role.
    pub fn role(&self) -> Result<&'a RoleId, Failure> {
        self.role_fact().map(|role| &role.id)
    }

    /// The roles of all profiles that are configured here, and those that the row's account was given before: what carepass may take away
    /// again. Errors: `reseller_not_ready` where none is known yet.
    pub fn roles(&self) -> Result<BTreeSet<&'a RoleId>, Failure> {
        let configured = &self.site()?.reseller;
        let known = self.reseller_row.map(|row| &row.facts.roles).into_iter().flatten();
        let mut ours: BTreeSet<&RoleId> = known
            .filter(|(profile, _)| configured.role_of(**profile).is_some())
            .map(|(_, role)| &role.id)
            .collect();
        ours.extend(self.row.facts.account.iter().flat_map(|account| &account.given));
        if ours.is_empty() {
            return Err(Failure::needs(Who::Reseller, FailureCode::ResellerNotReady));
        }
        Ok(ours)
    }

    /// Where the organisational unit is now: it may have been renamed or moved since it was configured.
    pub fn org_unit(&self) -> Result<&'a OrgUnitPath, Failure> {
        let known = self.reseller_row.and_then(|row| row.facts.org_unit_path.as_ref());
        Ok(known.unwrap_or(&self.site()?.reseller.org_unit))
    }

    /// How recent a bulk read must be to tell whether a fact holds that was written by then: begun since, and not ended long ago, so
    /// that a row which looks again does see something new. Not "begun not long ago": a long list could then never be awaited.
    pub fn fresh_since(&self, written: Timestamp) -> Fresh {
        fresh_at(self.now(), written)
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.house.clock.now()
    }

    /// Guard 1 on an account as it was read. `role_allowed`: its one role is known to be the one carepass gives.
    pub fn guard(&self, account: &Account, role_allowed: bool) -> Result<(), Failure> {
        if self.is_home() {
            let customer = &self.site()?.reseller.customer;
            let engineer = &self.sheet()?.engineer.key;
            return guard::home(account, &self.home_account()?, engineer, customer, role_allowed);
        }
        let (address, engineer) = (self.address()?, &self.sheet()?.engineer.key);
        let expected = Expected { address: &address, engineer, customer: &self.site()?.reseller.customer };
        guard::ours(account, &expected, role_allowed)
    }

    /// Checks that an account is ours and unspoilt; answers whether it has the access already. An account that administers something
    /// passes only if its roles are the one carepass gives, since a lost answer may have hidden our own grant, or Google's legacy ones
    /// for support. Nothing is written while Google
    /// says that it administers something and does not list what: that may be our own grant, on its way into the list.
    pub async fn check_ours(&self, account: &Account) -> Result<bool, Failure> {
        let holds_some = account.is_delegated_admin == Some(true);
        self.guard(account, holds_some)?;
        if holds_some { self.check_held(account).await.map(|()| true) } else { Ok(false) }
    }

    /// Guard 1 on an account that carepass suspended and is to let in again.
    pub async fn check_returning(&self, account: &Account) -> Result<(), Failure> {
        let (address, engineer) = (self.address()?, &self.sheet()?.engineer.key);
        let expected = Expected { address: &address, engineer, customer: &self.site()?.reseller.customer };
        let holds_some = account.is_delegated_admin == Some(true);
        guard::returning(account, &expected, holds_some)?;
        if holds_some { self.check_held(account).await } else { Ok(()) }
    }

    async fn check_held(&self, account: &Account) -> Result<(), Failure> {
        let held = self.google()?.assignments_of(&account.id).await?;
        if held.is_empty() {
            return Err(Failure::not_yet(FailureCode::AccountSettling)
                .with_detail("an administrator, and no role is listed yet"));
        }
        self.check_roles(&held).await
    }

    /// Every role that the account holds is one of ours or one of Google's legacy roles; any other is somebody's doing.
    pub async fn check_roles<'h>(
        &self,
        held: impl IntoIterator<Item = &'h Assignment> + Clone,
    ) -> Result<(), Failure> {
        let roles = self.roles()?;
        let ours = |held: &Assignment| roles.contains(&held.role) && held.customer_wide;
        if held.clone().into_iter().all(ours) || planted!(AdministratorPasses) {
            return Ok(());
        }
        let legacy = role::legacy(self).await?;
        if held.into_iter().all(|held| ours(held) || held.customer_wide && legacy.contains(&held.role)) {
            Ok(())
        } else {
            Err(Failure::needs(Who::Operator, FailureCode::AccountIsAdmin))
        }
    }

    /// Guard 1 before a write: the account as the row knows it, if it was read a moment ago and no run can have changed it since; else
    /// read anew, and known by its id.
    pub async fn guarded(&self) -> Result<Guarded, Failure> {
        let fact =
            self.row.facts.account.clone().ok_or_else(|| Failure::permanent(FailureCode::AccountGone))?;
        // An engineer's own account was found by its address: before the role it is looked at by its id.
        if let Some(guarded) = self.just_read() {
            return Ok(guarded);
        }
        self.seen(fact).await.map(|(guarded, _)| guarded)
    }

    /// The same with the account as it is now.
    pub async fn guarded_account(&self) -> Result<(Guarded, Account), Failure> {
        let fact = self.row.facts.account.clone();
        self.seen(fact.ok_or_else(|| Failure::permanent(FailureCode::AccountGone))?).await
    }

    async fn seen(&self, fact: AccountFact) -> Result<(Guarded, Account), Failure> {
        let read_at = self.now();
        let account = self.known(&fact).await?;
        let account = account.ok_or_else(|| Failure::needs(Who::Operator, FailureCode::AccountGone))?;
        let holds_role = self.check_ours(&account).await?;
        Ok((Guarded { fact: AccountFact { read_at, ..fact }, holds_role }, account))
    }

    /// The account as the row knows it, if it was read a moment ago and no run can have changed it since. An engineer's own account is
    /// always read.
    pub fn just_read(&self) -> Option<Guarded> {
        let fact = self.row.facts.account.clone()?;
        let age = self.now().duration_since(fact.read_at);
        let is_recent = age >= SignedDuration::ZERO && age <= READ_AGE_MAX || planted!(OldLookCounts);
        (is_recent && self.is_first && !fact.home).then_some(Guarded { fact, holds_role: false })
    }

    /// The account that the row knows; none if it is gone. While it is young Google may not find it by its id, and shows it by its
    /// address (`docs/GOOGLE.md` 13, 55); what has another id is not it. Errors: `account_settling` while it is too young to be gone.
    pub async fn known(&self, fact: &AccountFact) -> Result<Option<Account>, Failure> {
        let google = self.google()?;
        if self.now().duration_since(fact.since) >= YOUNG || fact.home {
            return google.account_by_id(&fact.id).await;
        }
        let account = match self.address() {
            Ok(address) => match google.account_by_address(&address).await? {
                Some(other) if other.id != fact.id => google.account_by_id(&fact.id).await?,
                shown => shown,
            },
            // Without the engineer's record nobody knows the address.
            Err(_) => google.account_by_id(&fact.id).await?,
        };
        account.map(Some).ok_or_else(|| Failure::not_yet(FailureCode::AccountSettling))
    }

    /// The address that gets the welcome and goes into Case Sharing.
    pub fn contact(&self) -> Result<&'a MailAddress, Failure> {
        let contact = self.sheet()?.person.contact_email.as_ref();
        contact.ok_or_else(|| Failure::needs(Who::Hr, FailureCode::ContactMissing))
    }
}

/// How recent a bulk read must be at a time to tell whether a fact holds that was written by then: see [`Context::fresh_since`].
pub(super) fn fresh_at(now: Timestamp, written: Timestamp) -> Fresh {
    Fresh { begun: written, ended: now - LIST_AGE_MAX }
}

/// An account that may be written to now.
pub struct Guarded {
    /// What is known of it, with the time of the last read.
    pub fact: AccountFact,
    /// It was seen to hold one of our roles already, or one of Google's legacy ones for support.
    pub holds_role: bool,
}

impl Guarded {
    /// The answer of a step that ends access, keeping the time of the read for the steps after it.
    pub fn left(self, made: bool) -> Ensured {
        let mut ensured = Ensured { made, ..Ensured::default() };
        ensured.facts.account = Some(self.fact);
        ensured
    }

    /// The step's answer, keeping the time of the read for the steps after it; unless it showed what the account holds, which the step
    /// that gives the role has to see itself.
    pub fn ensured(self, made: bool) -> Ensured {
        let mut ensured = Ensured { made, ..Ensured::default() };
        ensured.facts.account = (!self.holds_role).then_some(self.fact);
        ensured
    }
}
