//! The world of the simulation: reseller accounts with a domain each, with Google's quotas. Google allows 1,000 role assignments in an
//! account, so that 500 engineers in 20 domains need more than ten. Each account's conflicting accounts are invited, so that nobody has to
//! ask about them one by one. Not here: what happens in it.

use carepass::clock::Clock;
use carepass::google::{self, Census, Credentials, Endpoint, Google, GoogleSettings, Rates};
use carepass::model::id::ResellerName;
use carepass::model::reseller::{
    Attestation, CaseAlerts, DomainChoice, LicenseMode, Privilege, Removal, Reseller, RoleChoice, TwoStepGate,
};
use carepass::sandbox::init::{self, DemoFiles};
use carepass::steps::{Learned, Site};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

/// One service account serves all; making its key takes longer than everything else.
static FILES: LazyLock<DemoFiles> = LazyLock::new(|| {
    // Every client in this process builds on it; a second installation changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    init::demo_files().expect("the system has randomness")
});

/// A reseller account.
pub struct Account {
    pub name: ResellerName,
    pub customer: String,
    pub per_user: bool,
}

/// So many, of which the last few have their licences with the site.
pub fn accounts(count: usize, site_licensed: usize) -> Vec<Account> {
    let account = |number: usize| Account {
        name: format!("r{number:02}").parse().expect("a name"),
        customer: format!("C{number:02}makespan"),
        per_user: number + site_licensed < count,
    };
    (0..count).map(account).collect()
}

impl Account {
    fn domain(&self) -> String {
        format!("{}.example", self.name)
    }

    /// The account with a client that knows nothing yet, asked at the rates that are shipped.
    pub fn site(&self, endpoint: &Endpoint, client: &google::HttpClient, clock: &Clock) -> Site {
        let reseller = self.reseller();
        let credentials = FILES.resellers[0].credentials.as_bytes();
        let settings = GoogleSettings {
            customer: reseller.customer.clone(),
            admin: reseller.admin.clone(),
            credentials: Credentials::from_json(credentials, &Endpoint::Google).expect("a key file"),
            endpoint: endpoint.clone(),
            rates: Rates::default(),
            answers: Vec::new(),
        };
        let shown = clock.clone();
        let google = Google::new(settings, client.clone(), Arc::new(move || shown.now()));
        Site { reseller, census: Census::new(google.clone()), google, learned: Learned::default() }
    }

    fn reseller(&self) -> Reseller {
        let attested = Attestation { by: "bench".into(), on: jiff::civil::date(2026, 1, 1) };
        let privilege =
            |name: &str| Privilege { service_id: "02w5ecyt3pkeyqi".into(), name: name.to_owned() };
        Reseller {
            name: self.name.clone(),
            customer: self.customer.parse().expect("a customer id"),
            admin: format!("robot@{}", self.domain()).parse().expect("an address"),
            domains: DomainChoice::Discover,
            org_unit: "/Customer Care".parse().expect("a path"),
            license: if self.per_user { LicenseMode::PerUser } else { LicenseMode::Site },
            role: RoleChoice::Custom {
                name: "Customer Care".into(),
                privileges: ["VIEW_CUSTOMERS", "ACCESS_CUSTOMER_SUPPORT_CASES"].map(privilege).into(),
            },
            case_alerts: CaseAlerts::CaseSharing,
            auto_licensing_off: Some(attested.clone()),
            free_subscription: Some(attested),
            case_alert_route: None,
            two_step_policy: None,
            seats: None,
            removable_licenses: BTreeSet::new(),
            home: false,
            handover: carepass::model::handover::Delivery::default(),
            home_accounts: BTreeMap::new(),
            removal: Removal::Suspend,
            two_step: TwoStepGate::default(),
            profiles: BTreeMap::new(),
        }
    }
}

/// The world file: the example's roles and privileges, and these accounts.
pub fn text(accounts: &[Account], others_percent: u32) -> String {
    let (shared, _) = FILES.world.split_once("[[resellers]]").expect("the example has resellers");
    let service = FILES.world.split("\n[[service_accounts]]\n").nth(1).expect("init adds service accounts");
    let service = service.rsplit_once("resellers =").expect("which it serves").0;
    let mut world = shared.to_owned();
    for account in accounts {
        let mode = if account.per_user { "per-user" } else { "site" };
        write!(
            world,
            "[[resellers]]\nname = \"{0}\"\ncustomer_id = \"{1}\"\nlicense_mode = \"{mode}\"\n\
             products = [\"101001\", \"Google-Apps\"]\nmissing_product = \"not-found\"\n\
             quotas = {{ directory_per_minute = 2400, user_inserts_per_second = 10, org_unit_writes_per_second = 1, \
             licensing_per_second = 1, reports_per_minute = 250, others_percent = {others_percent} }}\n\
             domains = [{{ name = \"{2}\", kind = \"primary\" }}]\n\
             [[resellers.users]]\nemail = \"robot@{2}\"\ngiven_name = \"R\"\nfamily_name = \"R\"\nroles = [\"_SEED_ADMIN_ROLE\"]\n\
             [[resellers.policies]]\nsetting = \"settings/provisioning.conflicting_accounts_management\"\n\
             value = {{ option = \"INVITE_CONFLICTING_ACCOUNTS\" }}\n",
            account.name,
            account.customer,
            account.domain(),
        )
        .expect("a String takes every text");
    }
    let names: Vec<String> = accounts.iter().map(|account| format!("\"{}\"", account.name)).collect();
    format!("{world}[[service_accounts]]\n{service}resellers = [{}]\n", names.join(", "))
}
