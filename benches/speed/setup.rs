//! What a daemon of the bench is configured with: reseller accounts of the stand-in, Google's rates so high that they limit nothing,
//! everything else as it is shipped. Not here: starting the daemon.

use crate::google::{MARKER, admin, customer_id};
use carepass::sandbox::init;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Reseller accounts and the domains of each.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Reseller accounts.
    pub accounts: usize,
    /// Domains of each.
    pub domains: usize,
}

impl Layout {
    /// All domains.
    pub fn all_domains(self) -> usize {
        self.accounts * self.domains
    }

    /// Every domain with its reseller account's number.
    pub fn each_domain(self) -> impl Iterator<Item = (usize, String)> {
        (0..self.accounts).flat_map(move |number| {
            (0..self.domains).map(move |place| (number, format!("r{number}d{place}.example")))
        })
    }
}

/// How a daemon differs from the bench's usual one.
#[derive(Clone, Debug)]
pub struct Manner {
    /// Its database in PostgreSQL; none: a folder of its own.
    pub database: Option<String>,
    /// Its number among those that share the database, and that of the stand-in's door that it asks at.
    pub replica: usize,
    /// The master key; none: its own.
    pub key_file: Option<PathBuf>,
    /// Calls in flight for each account.
    pub calls_in_flight: u8,
}

impl Default for Manner {
    fn default() -> Self {
        Self { database: None, replica: 0, key_file: None, calls_in_flight: 64 }
    }
}

impl Manner {
    /// The lines of the configuration that say so.
    fn lines(&self) -> String {
        let mut text = String::new();
        if let Some(url) = &self.database {
            let name = replica_name(self.replica);
            text =
                format!("[replica]\nname = \"{name}\"\n[store]\nbackend = \"postgres\"\nurl = \"{url}\"\n");
        } else {
            text.push_str("[store]\n");
        }
        text
    }
}

/// What a daemon is called among those that share a database.
pub fn replica_name(number: usize) -> String {
    format!("replica-{number}")
}

/// Writes the configuration and what it names into a folder.
pub fn write(folder: &Path, layout: Layout, manner: &Manner, [google, amqp, listen]: [&str; 3]) -> PathBuf {
    let key = folder.join("key.json");
    let credentials = &init::demo_files().expect("randomness").resellers[0].credentials;
    std::fs::write(&key, credentials).expect("a key file");
    private(&key);
    let (store, calls_in_flight) = (manner.lines(), manner.calls_in_flight);
    let key_file = manner.key_file.clone().unwrap_or_else(|| folder.join("seal.key"));
    let mut text = format!(
        "{store}path = \"{0}/data\"\n[seal]\nkey_file = \"{1}\"\n\
         [google]\nendpoint = \"{google}\"\ncalls_in_flight = {calls_in_flight}\n[http]\nlisten = \"{listen}\"\n\
         [intake.amqp]\nurl = \"{amqp}\"\nprefetch = 200\n[mail]\ntransport = \"none\"\n\
         [limits]\ngrants_per_hour = 100000\ngrants_per_day = 1000000\n\
         [google.rates]\ndirectory_per_second = 1000\nuser_inserts_per_second = 1000\norg_units_per_second = 1000\n\
         licensing_per_second = 1000\ncloud_identity_per_second = 1000\n",
        folder.display(),
        key_file.display()
    );
    let privileges =
        MARKER.map(|name| format!("{{ service_id = \"02w5ecyt3pkeyqi\", name = \"{name}\" }}")).join(", ");
    for number in 0..layout.accounts {
        write!(
            text,
            "[[resellers]]\nname = \"r{number}\"\ncustomer_id = \"{}\"\nadmin = \"{}\"\ncredentials_file = \"{}\"\n\
             license = \"per-user\"\nrole = {{ kind = \"custom\", name = \"Customer Care\", privileges = [{privileges}] }}\n\
             auto_licensing_off = {{ by = \"bench\", on = \"2026-01-01\" }}\nfree_subscription = {{ by = \"bench\", on = \"2026-01-01\" }}\n",
            customer_id(number),
            admin(number),
            key.display(),
        )
        .expect("a String takes every text");
    }
    let file = folder.join("carepass.toml");
    std::fs::write(&file, text).expect("the configuration");
    file
}

fn private(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).expect("our own file");
}

/// An engineer's key.
pub fn key(number: usize) -> String {
    format!("E-{number:07}")
}

/// A joiner whose name nobody else has; with a first day only if it is far away.
pub fn joined(number: usize, first_day: Option<&str>) -> Value {
    let key = key(number);
    let letters = |mut rest: usize| {
        let mut name = String::new();
        for _ in 0..4 {
            name.push(char::from(b'a' + u8::try_from(rest % 26).expect("a letter")));
            rest /= 26;
        }
        name
    };
    let mut employment = json!({ "id": "1", "timeZone": "Europe/Stockholm" });
    if let Some(day) = first_day {
        employment["startDate"] = day.into();
    }
    json!({
        "specversion": "1.0", "id": format!("joined-{key}"), "source": "https://hr.example/speed",
        "type": "com.carepass.engineer.joined.v1", "subject": format!("engineer/{key}"), "datacontenttype": "application/json",
        "dataschema": "https://schemas.carepass.example/engineer-full/1.0.json",
        "data": {
            "revision": 1,
            "engineer": {
                "key": key, "name": { "given": "Astrid", "family": format!("Berg{}", letters(number)), "language": "sv" },
                "contactEmail": "engineer@nordresale.example", "locale": "sv"
            },
            "employment": employment,
            "scope": { "domains": "all", "profile": "support-cases" }
        }
    })
}
