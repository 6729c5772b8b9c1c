//! Reading the reseller accounts, each by itself and then against the others.

use super::files::Privacy;
use super::kinds;
use super::reader::Section;
use super::sections::{CredentialsSource, ResellerSection};
use crate::model::id::{CustomerId, DomainName, MailAddress, OrgUnitPath, ResellerName};
use crate::model::reseller::{
    Attestation, CaseAlerts, DomainChoice, LicenseMode, Privilege, Reseller, RoleChoice,
};
use std::collections::{BTreeMap, BTreeSet};

const LATER: &str = "comes with a later release";

/// All reseller accounts in the order of their names.
pub(super) fn read(root: &mut Section<'_>) -> Option<Vec<ResellerSection>> {
    let resellers = root.section("resellers");
    let sections = resellers.each();
    if sections.is_empty() {
        return root.missing("resellers", "add a section [[resellers]] for each reseller account");
    }
    let mut taken = Taken::default();
    let read: Vec<Option<ResellerSection>> =
        sections.into_iter().map(|section| reseller(section, &mut taken)).collect();
    read.into_iter().collect()
}

/// What a reseller has that no other may have.
#[derive(Default)]
struct Taken {
    customers: BTreeMap<CustomerId, String>,
    domains: BTreeMap<DomainName, String>,
}

fn reseller((name, mut s): (&str, Section<'_>), taken: &mut Taken) -> Option<ResellerSection> {
    let own_name = s.required(
        "name",
        kinds::name(ResellerName::parse, "choose one and keep it, since rows and metrics carry it"),
        "give it a short name of your choice, like nordic-se",
    );
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
    let credentials = credentials(&mut s);
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
    let case_alerts = s.defaulted(
        "case_alerts",
        kinds::choice(&[("case-sharing", CaseAlerts::CaseSharing), ("redirect", CaseAlerts::Redirect)]),
    );
    let auto_licensing_off = attestation(s.section("auto_licensing_off"));
    let free_subscription = attestation(s.section("free_subscription"));
    let home = home(&mut s);
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
        case_alerts: case_alerts?,
        auto_licensing_off: auto_licensing_off?,
        free_subscription: free_subscription?,
    };
    Some(ResellerSection { reseller, credentials: credentials?, home: home? })
}

fn home(s: &mut Section<'_>) -> Option<bool> {
    if s.defaulted("home", kinds::flag)? {
        return s.wrong("home", &format!("true {LATER}; write false"));
    }
    Some(false)
}

fn credentials(s: &mut Section<'_>) -> Option<CredentialsSource> {
    let file = s.file("credentials_file", Privacy::Secret);
    let mut keyless = s.section("keyless");
    let account = keyless.optional("service_account", kinds::text);
    let wanted = keyless.is_said("service_account");
    if wanted {
        keyless.wrong::<()>("service_account", &format!("{LATER}; name a key in credentials_file"));
    }
    keyless.close();
    account?;
    match file? {
        Some(path) if !wanted => Some(CredentialsSource::KeyFile(path)),
        None if !wanted => {
            s.missing("credentials_file", "name the JSON key of the reseller's service account")
        }
        Some(_) | None => None,
    }
}

fn domains(s: &mut Section<'_>) -> Option<DomainChoice> {
    s.defaulted("domains", |leaf| {
        if kinds::text(leaf).is_ok_and(|text| text == "discover") {
            return Ok(DomainChoice::Discover);
        }
        const ADVICE: &str = "write \"discover\", or a list like [\"reseller-se.example\"]";
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

/// Privileges are not required: which there are is only known at run time, and the operator is told then.
fn role(mut s: Section<'_>) -> Option<RoleChoice> {
    let kind = s.defaulted(
        "kind",
        kinds::choice(&[
            ("custom", RoleKind::Custom),
            ("reseller-admin", RoleKind::ResellerAdmin),
            ("existing", RoleKind::Existing),
        ]),
    );
    let name = s.optional("name", kinds::text);
    let (name_is_said, privileges_are_said) = (s.is_said("name"), s.is_said("privileges"));
    let privileges = s.list("privileges").and_then(|items| {
        let items: Vec<Option<Privilege>> = items.into_iter().map(privilege).collect();
        items.into_iter().collect::<Option<BTreeSet<_>>>()
    });
    let role = match (kind, name) {
        (None, _) | (_, None) => None,
        (Some(RoleKind::ResellerAdmin), _) if name_is_said => {
            s.wrong("name", "Google's own role is found without a name; remove it")
        }
        (Some(RoleKind::ResellerAdmin), _) if privileges_are_said => {
            s.wrong("privileges", "Google's own role has its own privileges; remove them")
        }
        (Some(RoleKind::ResellerAdmin), _) => Some(RoleChoice::ResellerAdmin),
        (Some(RoleKind::Existing), _) if !name_is_said => {
            s.missing("name", "write the role's name as the Admin console shows it")
        }
        (Some(RoleKind::Custom | RoleKind::Existing), Some(None)) => {
            s.missing("name", "write the role's name as the Admin console shows it")
        }
        (Some(RoleKind::Existing), Some(Some(name))) => {
            privileges.map(|privileges| RoleChoice::Existing { name, privileges })
        }
        (Some(RoleKind::Custom), Some(Some(name))) => {
            privileges.map(|privileges| RoleChoice::Custom { name, privileges })
        }
    };
    s.close();
    role
}

fn privilege(mut s: Section<'_>) -> Option<Privilege> {
    let advice = "copy serviceId and privilegeName from privileges.list of the Directory API";
    let service_id = s.required("service_id", kinds::text, advice);
    let name = s.required("name", kinds::text, advice);
    s.close();
    Some(Privilege { service_id: service_id?, name: name? })
}

fn attestation(mut s: Section<'_>) -> Option<Option<Attestation>> {
    let (by, on) = (s.optional("by", kinds::text), s.optional("on", kinds::date));
    let attestation = match (by, on) {
        (None, _) | (_, None) => None,
        (Some(None), Some(None)) => Some(None),
        (Some(Some(by)), Some(Some(on))) => Some(Some(Attestation { by, on })),
        (Some(Some(_)), Some(None)) => {
            s.missing("on", "write the day on which it was confirmed, or leave by empty")
        }
        (Some(None), Some(Some(_))) => s.missing("by", "write who has confirmed it, or leave on empty"),
    };
    s.close();
    attestation
}

impl Taken {
    fn check(
        &mut self,
        name: &str,
        customer: Option<&CustomerId>,
        domains: Option<&DomainChoice>,
        s: &Section<'_>,
    ) {
        if let Some(customer) = customer
            && let Some(other) = self.customers.insert(customer.clone(), name.to_owned())
        {
            s.wrong::<()>(
                "customer_id",
                &format!("the reseller {other} is the same customer; remove one of them"),
            );
        }
        let Some(DomainChoice::These(domains)) = domains else { return };
        for domain in domains {
            if let Some(other) = self.domains.insert(domain.clone(), name.to_owned()) {
                s.wrong::<()>(
                    "domains",
                    &format!("{domain} is also in the reseller {other}; leave it in one of them"),
                );
            }
        }
    }
}
