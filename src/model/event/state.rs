//! The data of an event: what HR says of an engineer. Full for `joined` and `moved`, brief for `left`, `cancelled` and `erased`.
//! Fields that nobody knows are let pass; fields that would decide about rights are refused, since rights come from the configuration
//! alone. The values are not serialisable: their personal part is stored sealed, by itself.
//! Not here: what is known of the engineer already (`model/admission`).

use super::ReasonCode;
use super::employment::{self, Employment};
use super::fault::Faults;
use super::fields::{self, Fields};
use crate::model::engineer::Scope;
use crate::model::id::{DomainName, EngineerKey, LocalPart, MailAddress};
use crate::model::person::{LanguageTag, LatinPart, Locale, NameFault, NamePart, Person, PersonName};
use crate::model::username;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt;

/// The highest revision: what every JSON reader holds exactly (RFC 8259, 6). A slip of the pen beyond it would fence all that follows.
pub const REVISION_MAX: u64 = (1 << 53) - 1;

/// Most domains in a scope; who has more says "all".
pub const DOMAINS_MAX: usize = 100;

/// Fields that name a right, in the spelling they are reported in; letter case, `_` and `-` do not matter.
const ROLE_FIELDS: &[&str] = &[
    "role",
    "roles",
    "roleId",
    "roleIds",
    "roleName",
    "admin",
    "isAdmin",
    "superAdmin",
    "isSuperAdmin",
    "isDelegatedAdmin",
    "orgUnit",
    "orgUnitId",
    "orgUnitPath",
    "privilege",
    "privileges",
];

/// The full state of an engineer, as `joined` and `moved` bring it: what is not in it is no longer so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Full {
    /// Orders the events of an engineer; grows with each change at HR, at least 1.
    pub revision: u64,
    /// HR's key.
    pub key: EngineerKey,
    /// The personal part.
    pub person: Person,
    /// This spell of employment.
    pub employment: Employment,
    /// Where the engineer works; a list has at least one domain and at most [`DOMAINS_MAX`].
    pub scope: Scope,
    /// What the engineer does there.
    pub profile: Profile,
    /// Who approved it, where policy asks for that.
    pub approval: Option<Approval>,
}

/// What `left` and `cancelled` bring: whose access ends. Nothing personal is needed, so that a leaver is locked out although HR has
/// forgotten the person already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Orders the events of an engineer.
    pub revision: u64,
    /// HR's key.
    pub key: EngineerKey,
    /// The spell of employment that ends.
    pub employment: Employment,
}

/// What `erased` brings: who is to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Orders the events of an engineer.
    pub revision: u64,
    /// HR's key.
    pub key: EngineerKey,
}

/// What an engineer does, from which the configuration makes a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Sees customers and works on their support cases.
    SupportCases,
    /// Administers the reseller's customers as well.
    ResellerAdmin,
}

/// Evidence that somebody approved the access. `Debug` shows the reference only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The case it was approved in: 1 to 200 characters.
    pub reference: String,
    /// Who approved: 1 to 254 characters.
    pub approved_by: String,
    /// When.
    pub approved_at: Timestamp,
}

impl fmt::Debug for Approval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Approval").field("reference", &self.reference).finish_non_exhaustive()
    }
}

/// Reads a full state, noting every fault; `None` only with at least one noted.
pub(super) fn read_full(
    data: &Map<String, Value>,
    subject: Option<&str>,
    faults: &mut Faults,
) -> Option<Full> {
    if is_thin(data) {
        faults.add("/data".to_owned(), ReasonCode::ThinEvent);
        return None;
    }
    let mut data = Fields::new(data, "/data", faults);
    refuse_roles(&mut data);
    let revision = data.required("revision", revision);
    let engineer = data.object("engineer").map(|mut fields| engineer(&mut fields));
    let employment = data.object("employment").map(|mut fields| employment::read(&mut fields));
    let scope = data.object("scope").map(|mut fields| scope(&mut fields));
    let approval = data.optional_object("approval").and_then(|mut fields| approval(&mut fields));
    check_subject(subject, engineer.as_ref().and_then(|(key, _)| key.as_ref()), faults);
    if employment.iter().flatten().any(Employment::begins_after_its_end) {
        faults.add("/data/employment/lastDay".to_owned(), ReasonCode::DatesReversed);
    }
    let (key, person) = engineer?;
    let (scope, profile) = scope?;
    Some(Full {
        revision: revision?,
        key: key?,
        person: person?,
        employment: employment??,
        scope: scope?,
        profile,
        approval,
    })
}

/// Reads an ending. What it says of the person beside the key is not looked at.
pub(super) fn read_ending(
    data: &Map<String, Value>,
    subject: Option<&str>,
    faults: &mut Faults,
) -> Option<Ending> {
    let mut data = Fields::new(data, "/data", faults);
    refuse_roles(&mut data);
    let revision = data.required("revision", revision);
    let key = data.object("engineer").and_then(|mut fields| key(&mut fields));
    let employment = data.object("employment").and_then(|mut fields| employment::read(&mut fields));
    check_subject(subject, key.as_ref(), faults);
    Some(Ending { revision: revision?, key: key?, employment: employment? })
}

/// Reads who is to be forgotten. The employment, which the schema asks for, is not needed and not looked at.
pub(super) fn read_erasure(
    data: &Map<String, Value>,
    subject: Option<&str>,
    faults: &mut Faults,
) -> Option<Erasure> {
    let mut data = Fields::new(data, "/data", faults);
    let revision = data.required("revision", revision);
    let key = data.object("engineer").and_then(|mut fields| key(&mut fields));
    check_subject(subject, key.as_ref(), faults);
    Some(Erasure { revision: revision?, key: key? })
}

/// Whether only the key is there, as in the notices of HR systems that want to be asked for the rest.
fn is_thin(data: &Map<String, Value>) -> bool {
    let engineer = data.get("engineer").and_then(Value::as_object);
    engineer.is_some_and(|engineer| engineer.contains_key("key") && !engineer.contains_key("name"))
        && !data.contains_key("scope")
}

fn check_subject(subject: Option<&str>, key: Option<&EngineerKey>, faults: &mut Faults) {
    if subject.is_some_and(|subject| !is_subject_of(subject, key)) {
        faults.add("/subject".to_owned(), ReasonCode::SubjectMismatch);
    }
}

fn is_subject_of(subject: &str, key: Option<&EngineerKey>) -> bool {
    // A key that could not be read has a fault of its own; the shape of the subject is still looked at.
    subject.strip_prefix("engineer/").is_some_and(|named| key.is_none_or(|key| named == key.as_str()))
}

fn refuse_roles(fields: &mut Fields<'_, '_>) {
    let plain = |name: &str| name.replace(['_', '-'], "");
    for name in fields.names() {
        let named = plain(name);
        if let Some(forbidden) = ROLE_FIELDS.iter().find(|field| field.eq_ignore_ascii_case(&named)) {
            fields.refuse(forbidden, ReasonCode::RoleFieldForbidden);
        }
    }
}

fn revision(value: &Value) -> Result<u64, ReasonCode> {
    match value {
        Value::Number(number) => {
            number.as_u64().filter(|n| (1..=REVISION_MAX).contains(n)).ok_or(ReasonCode::InvalidRevision)
        }
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            Err(ReasonCode::WrongType)
        }
    }
}

fn engineer(fields: &mut Fields<'_, '_>) -> (Option<EngineerKey>, Option<Person>) {
    refuse_roles(fields);
    let key = key(fields);
    let name = fields.object("name").and_then(|mut fields| name(&mut fields));
    let contact_email = fields.optional("contactEmail", mail_address);
    let manager_email = fields.optional("managerEmail", mail_address);
    let preferred_username = fields.optional("preferredUsername", preferred_username);
    let locale = fields.optional("locale", language).map(Locale::from);
    (key, name.map(|name| Person { name, contact_email, manager_email, locale, preferred_username }))
}

fn key(fields: &mut Fields<'_, '_>) -> Option<EngineerKey> {
    fields
        .required("key", |value| EngineerKey::parse(fields::text(value)?).map_err(|_| ReasonCode::InvalidKey))
}

fn name(fields: &mut Fields<'_, '_>) -> Option<PersonName> {
    let part = |value| NamePart::parse(fields::text(value)?).map_err(name_fault);
    let latin = |value| LatinPart::parse(fields::text(value)?).map_err(name_fault);
    let given = fields.required("given", part);
    let family = fields.required("family", part);
    let latin_given = fields.optional("latinGiven", latin);
    let latin_family = fields.optional("latinFamily", latin);
    let language = fields.optional("language", language);
    Some(PersonName { given: given?, family: family?, latin_given, latin_family, language })
}

fn name_fault(fault: NameFault) -> ReasonCode {
    match fault {
        NameFault::Empty => ReasonCode::NameEmpty,
        NameFault::TooLong => ReasonCode::NameTooLong,
        NameFault::Unseen => ReasonCode::NameCharacters,
        NameFault::NotLatin => ReasonCode::NameNotLatin,
    }
}

fn language(value: &Value) -> Result<LanguageTag, ReasonCode> {
    LanguageTag::parse(fields::text(value)?).ok_or(ReasonCode::InvalidLanguage)
}

fn mail_address(value: &Value) -> Result<MailAddress, ReasonCode> {
    let text = fields::text(value)?;
    if !text.is_ascii() {
        return Err(ReasonCode::EmailNotAscii);
    }
    MailAddress::parse(text).map_err(|_| ReasonCode::InvalidEmail)
}

fn preferred_username(value: &Value) -> Result<LocalPart, ReasonCode> {
    let wish = LocalPart::parse(fields::text(value)?).map_err(|_| ReasonCode::InvalidUsername)?;
    if username::is_reserved(&wish) { Err(ReasonCode::ReservedLocalPart) } else { Ok(wish) }
}

fn scope(fields: &mut Fields<'_, '_>) -> (Option<Scope>, Profile) {
    refuse_roles(fields);
    let profile = fields.optional("profile", |value| match fields::text(value)? {
        "support-cases" => Ok(Profile::SupportCases),
        "reseller-admin" => Ok(Profile::ResellerAdmin),
        _ => Err(ReasonCode::UnknownProfile),
    });
    let domains = fields.required("domains", |value| match value {
        Value::String(all) if all == "all" => Ok(None),
        Value::Array(items) if items.len() > DOMAINS_MAX => Err(ReasonCode::TooManyDomains),
        Value::Array(items) if !items.is_empty() => Ok(Some(items)),
        Value::Array(_) | Value::String(_) => Err(ReasonCode::InvalidScope),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Err(ReasonCode::WrongType),
    });
    let scope =
        domains.map(|list| list.map_or(Scope::All, |items| Scope::Domains(domain_set(items, fields))));
    (scope, profile.unwrap_or(Profile::SupportCases))
}

fn domain_set(items: &[Value], fields: &mut Fields<'_, '_>) -> BTreeSet<DomainName> {
    let mut domains = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let parsed = fields::text(item)
            .and_then(|text| DomainName::parse(text).map_err(|_| ReasonCode::InvalidDomain))
            .and_then(
                |domain| if domains.insert(domain) { Ok(()) } else { Err(ReasonCode::DuplicateDomain) },
            );
        if let Err(code) = parsed {
            fields.refuse(&format!("domains/{index}"), code);
        }
    }
    domains
}

fn approval(fields: &mut Fields<'_, '_>) -> Option<Approval> {
    let reference = fields.required("reference", |value| fields::visible_text(value, 200));
    let approved_by = fields.required("approvedBy", |value| fields::visible_text(value, 254));
    let approved_at = fields.required("approvedAt", fields::timestamp);
    Some(Approval { reference: reference?, approved_by: approved_by?, approved_at: approved_at? })
}
