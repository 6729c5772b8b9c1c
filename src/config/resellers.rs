//! Reading the reseller accounts, each by itself and then against the others.
//! Not here: whether Google agrees; that shows when carepass runs. Nor the time: the newest day that anybody may have lived is handed in.

use super::files::Privacy;
use super::kinds;
use super::reader::{Faulty, Read, Section};
use super::sections::ResellerSection;
use super::tree::Leaf;
use crate::google::{Credentials, Endpoint};
use crate::model::enrollment::Lane;
use crate::model::event::Profile;
use crate::model::handover::Delivery;
use crate::model::id::{
    CustomerId, DomainName, EngineerKey, LicenseSku, MailAddress, OrgUnitPath, ResellerName,
};
use crate::model::reseller::{
    Attestation, CaseAlerts, DomainChoice, LicenseMode, Privilege, Removal, Reseller, RoleChoice, TwoStepGate,
};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

const KEY_ADVICE: &str = "put there the JSON key of the service account as the Google Cloud console gave it";

/// All reseller accounts in the order of their names. Nobody can have confirmed anything after `latest`. Whether a key fits depends on the Google that it is for: none where that is faulty.
pub(super) fn read(
    root: &mut Section<'_>,
    google: Option<&Endpoint>,
    latest: Date,
) -> Read<Vec<ResellerSection>> {
    let resellers = root.section("resellers");
    let sections = resellers.each();
    if sections.is_empty() {
        return Err(root.missing("resellers", "add a section [[resellers]] for each reseller account"));
    }
    let mut taken = Taken::default();
    let read: Vec<Read<ResellerSection>> =
        sections.into_iter().map(|section| reseller(section, google, latest, &mut taken)).collect();
    read.into_iter().collect()
}

/// What a reseller has that no other may have.
#[derive(Default)]
struct Taken {
    customers: BTreeMap<CustomerId, String>,
    domains: BTreeMap<DomainName, String>,
}

#[expect(clippy::too_many_lines, reason = "a key, a line")]
fn reseller(
    (name, mut s): (&str, Section<'_>),
    google: Option<&Endpoint>,
    latest: Date,
    taken: &mut Taken,
) -> Read<ResellerSection> {
    let own_name = s.required("name", own_name, "give it a short name of your choice, like nordic-se");
    let customer = s.required(
        "customer_id",
        kinds::name(CustomerId::parse, "copy it from Admin console > Account > Account settings"),
        "copy it from Admin console > Account > Account settings",
    );
    let admin = s.required(
        "admin",
        kinds::name(MailAddress::parse, "write the address of the super administrator to act as"),
        "write the address of the super administrator to act as",
    );
    let credentials = credentials(&mut s, google);
    let domains = domains(&mut s);
    let org_unit = s.defaulted(
        "org_unit",
        kinds::name(OrgUnitPath::parse, "write the path as the Admin console shows it"),
    );
    let license = s.defaulted(
        "license",
        kinds::choice(&[
            ("auto", LicenseMode::Auto),
            ("site", LicenseMode::Site),
            ("per-user", LicenseMode::PerUser),
        ]),
    );
    let role = role(s.section("role"));
    let profiles = profiles(&mut s);
    let case_alerts = s.defaulted(
        "case_alerts",
        kinds::choice(&[("case-sharing", CaseAlerts::CaseSharing), ("redirect", CaseAlerts::Redirect)]),
    );
    let auto_licensing_off = attestation(s.section("auto_licensing_off"), latest);
    let free_subscription = attestation(s.section("free_subscription"), latest);
    let case_alert_route = attestation(s.section("case_alert_route"), latest);
    let two_step_policy = attestation(s.section("two_step_policy"), latest);
    let seats = s.optional("seats", kinds::whole(1..=1_000_000));
    let removable_licenses = removable_licenses(&mut s);
    let handover = s.defaulted(
        "handover",
        kinds::choice(&[
            ("link", Delivery::Link),
            ("age", Delivery::Age),
            ("vault", Delivery::Vault),
            ("sso", Delivery::Sso),
        ]),
    );
    let home = s.defaulted("home", kinds::flag);
    let home_accounts = home_accounts(&mut s);
    let removal = removal(&mut s);
    let two_step = two_step(&mut s);
    let label = own_name.as_ref().map_or(name, ResellerName::as_str);
    taken.check(label, customer.as_ref(), domains.as_ref(), &s);
    s.close();

    let reseller = Reseller {
        name: own_name?,
        customer: customer?,
        admin: admin?,
        domains: domains?,
        org_unit: org_unit?,
        license: license?,
        role: role?,
        profiles: profiles?,
        case_alerts: case_alerts?,
        auto_licensing_off: auto_licensing_off?,
        free_subscription: free_subscription?,
        case_alert_route: case_alert_route?,
        two_step_policy: two_step_policy?,
        seats: seats?,
        removable_licenses: removable_licenses?,
        handover: handover?,
        home: home?,
        home_accounts: home_accounts?,
        removal: removal?,
        two_step: two_step?,
    };
    Ok(ResellerSection { reseller, credentials: credentials? })
}

fn two_step(s: &mut Section<'_>) -> Read<TwoStepGate> {
    let gates = [
        ("before_role", TwoStepGate::BeforeRole),
        ("with_role", TwoStepGate::WithRole),
        ("off", TwoStepGate::Off),
    ];
    s.defaulted("two_step", kinds::choice(&gates))
}

fn own_name(leaf: &Leaf) -> kinds::Parsed<ResellerName> {
    let advice = "choose one and keep it, since rows and metrics carry it";
    let name = kinds::name(ResellerName::parse, advice)(leaf)?;
    if name.as_str() == Lane::House.to_string() {
        return Err(format!("{name} is the lane of carepass itself; choose another, like nordic-se"));
    }
    Ok(name)
}

/// A grace is read in any case, so that a wrong one is told.
fn removal(s: &mut Section<'_>) -> Read<Removal> {
    let grace = s.defaulted("removal_grace", kinds::days);
    let deletes = s.defaulted("removal", kinds::choice(&[("suspend", false), ("suspend_then_delete", true)]));
    let (grace, deletes) = (grace?, deletes?);
    Ok(if deletes { Removal::SuspendThenDelete { grace } } else { Removal::Suspend })
}

fn removable_licenses(s: &mut Section<'_>) -> Read<BTreeSet<LicenseSku>> {
    s.defaulted("removable_licenses", |leaf| {
        let names = kinds::texts(leaf)?;
        let licenses: Result<BTreeSet<_>, _> =
            names.iter().filter(|name| !name.is_empty()).map(|name| LicenseSku::parse(name)).collect();
        licenses.map_err(|wrong| format!("not a list: {wrong}; correct it"))
    })
}

/// The engineers' own accounts, each engineer and each account once.
fn home_accounts(s: &mut Section<'_>) -> Read<BTreeMap<EngineerKey, MailAddress>> {
    let mut accounts = BTreeMap::new();
    let items: Vec<Read<(EngineerKey, MailAddress)>> =
        s.list("home_accounts")?.into_iter().map(home_account).collect();
    for item in items {
        let (engineer, account) = item?;
        // Addresses have no case.
        if accounts.values().any(|other: &MailAddress| other.as_str().eq_ignore_ascii_case(account.as_str()))
        {
            return Err(s.wrong("home_accounts", "an account is named twice; give each engineer their own"));
        }
        if accounts.insert(engineer, account).is_some() {
            return Err(s.wrong("home_accounts", "an engineer is named twice; leave one of them"));
        }
    }
    Ok(accounts)
}

fn home_account(mut s: Section<'_>) -> Read<(EngineerKey, MailAddress)> {
    const KEY: &str = "write HR's key of the engineer, like E-20417";
    const ACCOUNT: &str = "write the primary address of the engineer's own account";
    let engineer = s.required("engineer", kinds::name(EngineerKey::parse, KEY), KEY);
    let account = s.required("account", kinds::name(MailAddress::parse, ACCOUNT), ACCOUNT);
    s.close();
    Ok((engineer?, account?))
}

fn credentials(s: &mut Section<'_>, google: Option<&Endpoint>) -> Read<Credentials> {
    let file = s.file("credentials_file", Privacy::Secret);
    let mut keyless = s.section("keyless");
    let account = keyless.optional(
        "service_account",
        kinds::name(MailAddress::parse, "write the address of the service account that Google signs for"),
    );
    keyless.close();
    match (account?, file?) {
        (Some(account), None) => Ok(Credentials::keyless(account)),
        (Some(_), Some(_)) => Err(keyless.wrong(
            "service_account",
            "credentials_file names a key of the same reseller; remove one of them",
        )),
        (None, Some(path)) => Credentials::from_file(&path, google.ok_or(Faulty)?).map_err(|failure| {
            let why = failure.detail;
            s.wrong("credentials_file", &format!("{}: {why}; {KEY_ADVICE}", path.display()))
        }),
        (None, None) => {
            let advice = "name the JSON key of the reseller's service account, or a service account in keyless that Google signs for";
            Err(s.missing("credentials_file", advice))
        }
    }
}

fn domains(s: &mut Section<'_>) -> Read<DomainChoice> {
    const ADVICE: &str = "write \"discover\", or a list like [\"reseller-se.example\"]";
    s.defaulted("domains", |leaf| {
        if kinds::text(leaf).is_ok_and(|text| text == "discover") {
            return Ok(DomainChoice::Discover);
        }
        let names =
            kinds::texts(leaf).map_err(|_| format!("neither discover nor a list of domains; {ADVICE}"))?;
        let domains: Result<BTreeSet<_>, _> = names.iter().map(|name| DomainName::parse(name)).collect();
        match domains {
            Ok(domains) if domains.is_empty() => Err(format!("an empty list; {ADVICE}")),
            Ok(domains) => Ok(DomainChoice::These(domains)),
            Err(wrong) => Err(format!("{wrong}; correct the list")),
        }
    })
}

#[derive(Clone, Copy)]
enum RoleKind {
    Custom,
    ResellerAdmin,
    Existing,
}

/// The roles of other profiles than that of support cases. One without a kind is not configured.
fn profiles(s: &mut Section<'_>) -> Read<BTreeMap<Profile, RoleChoice>> {
    let mut profiles = s.section("profiles");
    let section = profiles.section("reseller-admin");
    let keys = ["kind", "name", "privileges"];
    let found = if keys.iter().any(|key| section.is_said(key)) {
        Some(role(section))
    } else {
        nothing(section, keys);
        None
    };
    profiles.close();
    Ok(found.transpose()?.map(|choice| (Profile::ResellerAdmin, choice)).into_iter().collect())
}

/// A section in which nothing is said but what it does not know.
fn nothing(mut s: Section<'_>, keys: [&'static str; 3]) {
    for key in keys {
        let _ = s.optional(key, |_| Ok(()));
    }
    s.close();
}

/// Privileges are not required: which there are is only known at run time, and the operator is told then.
fn role(mut s: Section<'_>) -> Read<RoleChoice> {
    let kind = s.defaulted(
        "kind",
        kinds::choice(&[
            ("custom", RoleKind::Custom),
            ("reseller-admin", RoleKind::ResellerAdmin),
            ("existing", RoleKind::Existing),
        ]),
    );
    let name = s.optional("name", kinds::text);
    let privileges = s.list("privileges").and_then(|items| {
        let items: Vec<Read<Privilege>> = items.into_iter().map(privilege).collect();
        items.into_iter().collect::<Read<BTreeSet<_>>>()
    });
    s.close();
    let kind = kind?;
    // The defaults have a name for the role that carepass makes; somebody else's must be said.
    let name = name?.filter(|_| matches!(kind, RoleKind::Custom) || s.is_said("name"));
    match (kind, name) {
        (RoleKind::Custom, Some(name)) => Ok(RoleChoice::Custom { name, privileges: privileges? }),
        (RoleKind::Existing, Some(name)) => Ok(RoleChoice::Existing { name, privileges: privileges? }),
        (RoleKind::Custom | RoleKind::Existing, None) => {
            Err(s.missing("name", "write the role's name as the Admin console shows it"))
        }
        (RoleKind::ResellerAdmin, Some(_)) => {
            Err(s.wrong("name", "Google's own role is found without a name; remove it"))
        }
        (RoleKind::ResellerAdmin, None) => Ok(RoleChoice::ResellerAdmin { privileges: privileges? }),
    }
}

fn privilege(mut s: Section<'_>) -> Read<Privilege> {
    let advice = "copy serviceId and privilegeName from privileges.list of the Directory API";
    let service_id = s.required("service_id", kinds::text, advice);
    let name = s.required("name", kinds::text, advice);
    s.close();
    Ok(Privilege { service_id: service_id?, name: name? })
}

fn attestation(mut s: Section<'_>, latest: Date) -> Read<Option<Attestation>> {
    let (by, on) = (s.optional("by", kinds::text), s.optional("on", kinds::date));
    s.close();
    match (by?, on?) {
        (None, None) => Ok(None),
        (Some(_), Some(on)) if on > latest => {
            Err(s.wrong("on", "not a day that has been; write the day on which it was confirmed"))
        }
        (Some(by), Some(on)) => Ok(Some(Attestation { by, on })),
        (Some(_), None) => Err(s.missing("on", "write the day on which it was confirmed, or leave by empty")),
        (None, Some(_)) => Err(s.missing("by", "write who has confirmed it, or leave on empty")),
    }
}

impl Taken {
    fn check(
        &mut self,
        name: &str,
        customer: Result<&CustomerId, &Faulty>,
        domains: Result<&DomainChoice, &Faulty>,
        s: &Section<'_>,
    ) {
        if let Ok(customer) = customer
            && let Some(other) = self.customers.insert(customer.clone(), name.to_owned())
        {
            s.wrong("customer_id", &format!("the reseller {other} is the same customer; remove one of them"));
        }
        let Ok(DomainChoice::These(domains)) = domains else { return };
        for domain in domains {
            if let Some(other) = self.domains.insert(domain.clone(), name.to_owned()) {
                s.wrong(
                    "domains",
                    &format!("{domain} is also in the reseller {other}; leave it in one of them"),
                );
            }
        }
    }
}
