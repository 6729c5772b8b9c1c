//! What loads, from which layer, and that secrets stay secret.

use super::*;
use crate::google::Endpoint;
use crate::model::event::Profile;
use crate::model::person::{Language, LanguageTag};
use crate::model::reseller::{Attestation, DomainChoice, LicenseMode, Privilege, RoleChoice};
use crate::model::username::Naming;
use crate::model::username::Rename;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::OnceLock;
use tempfile::TempDir;

/// The least that loads, beside a key.
pub(super) const LEAST: &str = r#"
[mail]
transport = "none"

[[resellers]]
name = "nordic-se"
customer_id = "C01abc123"
admin = "robot@reseller-se.example"
credentials_file = "key.json"
"#;

/// The key file of a service account, made once for all tests of this process.
pub(super) fn key_file() -> &'static str {
    static KEY: OnceLock<String> = OnceLock::new();
    KEY.get_or_init(|| {
        let demo = crate::sandbox::init::demo_files().unwrap();
        let mut file: serde_json::Value = serde_json::from_str(&demo.resellers[0].credentials).unwrap();
        file["token_uri"] = "https://oauth2.googleapis.com/token".into();
        file.to_string()
    })
}

/// A folder with a key and a private file of each of these names.
pub(super) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "key.json", key_file(), 0o600);
    for (name, text) in files {
        write(folder.path(), name, text, 0o600);
    }
    folder
}

pub(super) fn write(folder: &Path, name: &str, text: &str, mode: u32) {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}

pub(super) fn load_in(folder: &Path, files: &[&str], variables: &[(&str, &str)]) -> Result<Config, Faults> {
    let files: Vec<PathBuf> = files.iter().map(|name| folder.join(name)).collect();
    let replaced = |text: &str| text.replace("DIR", folder.to_str().unwrap());
    let now = "2026-11-25T12:00:00Z".parse().unwrap();
    load(&files, variables.iter().map(|(name, value)| ((*name).to_owned(), replaced(value))), now)
}

fn loaded(text: &str, variables: &[(&str, &str)]) -> (TempDir, Config) {
    let folder = folder(&[("carepass.toml", text), ("tokens.toml", "")]);
    let config =
        load_in(folder.path(), &["carepass.toml"], variables).unwrap_or_else(|faults| panic!("{faults}"));
    (folder, config)
}

#[test]
fn the_least_configuration_has_the_defaults() {
    let (_folder, config) = loaded(LEAST, &[]);
    assert!(config.intake.amqp.is_none());
    assert_eq!(config.outcomes.exchange, "carepass.outcomes");
    assert_eq!(config.store.backend, Backend::Embedded { path: "/var/lib/carepass".into() });
    assert_eq!(config.seal.key_file, Path::new("/var/lib/carepass/seal.key"));
    assert_eq!(config.google.endpoint, Endpoint::Google);
    assert_eq!((config.google.calls_in_flight, config.google.calls_in_flight_in_all), (16, 200));
    assert_eq!(config.google.answers, []);
    assert_eq!(
        config.google.rates,
        Rates {
            directory_per_second: 39.0,
            user_inserts_per_second: 9.0,
            org_units_per_second: 0.95,
            licensing_per_second: 0.95,
            cloud_identity_per_second: 10.0,
        }
    );
    let limits = Limits {
        grants_per_hour: 50,
        grants_per_day: 200,
        source_grants_per_hour: None,
        source_grants_per_day: None,
    };
    assert_eq!((config.limits, config.approval.required), (limits, false));
    assert_eq!(config.outcomes.source, "urn:carepass");
    assert_eq!((config.http.listen.to_string().as_str(), config.http.hosts.len()), ("127.0.0.1:8080", 0));
    assert_eq!(config.engine, crate::model::rules::Rules::default());
    let swedish = LanguageTag::parse("sv").unwrap();
    assert_eq!(config.language, Languages { names_default: swedish, messages_default: Language::English });
    assert_eq!(config.usernames, Naming::of(config.language.names_default.clone()));
    assert_eq!(config.log, Log { format: LogFormat::Auto, filter: "info".into() });

    let [ResellerSection { reseller, credentials }] = config.resellers.as_slice() else {
        panic!("one reseller")
    };
    assert!(credentials.email().ends_with(".iam.gserviceaccount.com"));
    assert_eq!(reseller.domains, DomainChoice::Discover);
    assert_eq!(reseller.license, LicenseMode::Auto);
    assert_eq!(
        reseller.role,
        RoleChoice::Custom { name: "Customer Care".into(), privileges: BTreeSet::new() }
    );
    assert_eq!((&reseller.auto_licensing_off, &reseller.free_subscription), (&None, &None));
}

#[test]
fn a_reseller_can_say_everything() {
    let (_folder, config) = loaded(
        &format!(
            "{LEAST}{}",
            r#"
domains = ["b.example", "a.example"]
license = "per-user"
role = { kind = "existing", name = "Care", privileges = [{ service_id = "1", name = "READ" }] }
auto_licensing_off = { by = "asa", on = 2026-03-31 }
free_subscription = { by = "asa", on = "2026-04-01" }
"#
        ),
        &[],
    );
    let reseller = &config.resellers[0].reseller;
    let attested = |on: &str| Some(Attestation { by: "asa".into(), on: on.parse().unwrap() });
    assert!(matches!(&reseller.domains, DomainChoice::These(domains) if domains.len() == 2));
    assert_eq!(reseller.auto_licensing_off, attested("2026-03-31"));
    assert_eq!(reseller.free_subscription, attested("2026-04-01"));
    let privileges = BTreeSet::from([Privilege { service_id: "1".into(), name: "READ".into() }]);
    assert_eq!(reseller.role, RoleChoice::Existing { name: "Care".into(), privileges });
}

#[test]
fn the_environment_is_stronger_than_files() {
    let (folder, config) = loaded(
        &format!("[google]\nendpoint = \"http://127.0.0.1:1\"\n[store]\npath = \"data\"\n{LEAST}"),
        &[
            ("CAREPASS__GOOGLE__ENDPOINT", "http://[::1]:9010/"),
            ("CAREPASS__GOOGLE__RATES__LICENSING_PER_SECOND", "0.5"),
            ("CAREPASS__INTAKE__AMQP__URL", "amqp://guest:guest@127.0.0.1:5672/%2f"),
            ("CAREPASS__INTAKE__AMQP__PREFETCH", "7"),
            ("CAREPASS__INTAKE__AMQP__ALLOWED_SOURCES", "a, b"),
            ("CAREPASS__INTAKE__AMQP__DECLARE", "false"),
            ("CAREPASS__STORE__PATH", "DIR/other"),
            ("CAREPASS__HTTP__LISTEN", "0.0.0.0:0"),
            ("CAREPASS__HTTP__TOKENS_FILE", "DIR/tokens.toml"),
            ("CAREPASS__HTTP__HOSTS", "carepass.example,prometheus"),
            ("CAREPASS__OUTCOMES__SOURCE", "https://carepass.example/"),
            ("CAREPASS__ENGINE__LEASE", "90s"),
            ("CAREPASS__RESELLERS__NORDIC_SE__LICENSE", "site"),
            ("CAREPASS__RESELLERS__NORDIC_SE__ROLE__KIND", "reseller-admin"),
            ("CAREPASS_CONFIG", "not for this"),
            ("CAREPASS_SERVICE_PORT", "Kubernetes'"),
            ("PATH", "/bin"),
        ],
    );
    assert_eq!(config.google.endpoint, Endpoint::parse("http://[::1]:9010").unwrap());
    assert!((config.google.rates.licensing_per_second - 0.5).abs() < f64::EPSILON);
    let amqp = config.intake.amqp.unwrap();
    assert_eq!(amqp.endpoint.to_string(), "amqp://127.0.0.1:5672//");
    assert_eq!((amqp.prefetch, config.intake.allowed_sources), (7, vec!["a".to_owned(), "b".to_owned()]));
    assert!(!amqp.declare);
    assert_eq!(config.store.backend, Backend::Embedded { path: folder.path().join("other") });
    assert_eq!(config.seal.key_file, folder.path().join("other/seal.key"));
    assert_eq!(config.http.listen.to_string(), "0.0.0.0:0");
    assert_eq!(config.engine.lease.as_secs(), 90);
    assert_eq!(config.resellers[0].reseller.license, LicenseMode::Site);
    assert_eq!(config.resellers[0].reseller.role, RoleChoice::ResellerAdmin { privileges: BTreeSet::new() });
    assert_eq!(config.http.hosts, ["carepass.example", "prometheus"]);
    assert_eq!(config.outcomes.source, "https://carepass.example/");
}

/// One that says nothing is not configured; what it says is held to what a role is held to.
#[test]
fn other_profiles_have_roles_of_their_own() {
    let (_folder, config) = loaded(LEAST, &[]);
    assert_eq!(config.resellers[0].reseller.profiles, BTreeMap::new());
    assert_eq!(config.usernames.rename, Rename::Ask);
    let said = "profiles = { reseller-admin = { kind = \"reseller-admin\" } }";
    let (_folder, config) = loaded(&format!("[usernames]\nrename = \"never\"\n{LEAST}{said}"), &[]);
    let reseller = &config.resellers[0].reseller;
    let administrators = RoleChoice::ResellerAdmin { privileges: BTreeSet::new() };
    assert_eq!(reseller.role_of(Profile::ResellerAdmin), Some(&administrators));
    assert_eq!(reseller.role_of(Profile::SupportCases), Some(&reseller.role));
    assert_eq!(config.usernames.rename, Rename::Never);
}

#[test]
fn privileges_may_be_pinned_for_every_kind_of_role() {
    for (kind, name) in [("custom", "name = \"A\", "), ("existing", "name = \"A\", "), ("reseller-admin", "")]
    {
        let pins = "privileges = [{ service_id = \"1\", name = \"READ\" }]";
        let (_folder, config) = loaded(&format!("{LEAST}role = {{ kind = \"{kind}\", {name}{pins} }}"), &[]);
        let (RoleChoice::Custom { privileges, .. }
        | RoleChoice::Existing { privileges, .. }
        | RoleChoice::ResellerAdmin { privileges }) = &config.resellers[0].reseller.role;
        let pinned = Privilege { service_id: "1".to_owned(), name: "READ".to_owned() };
        assert_eq!(*privileges, BTreeSet::from([pinned]), "{kind}");
    }
}

#[test]
fn a_later_file_adds_a_reseller_and_changes_one() {
    let second = r#"
[[resellers]]
name = "nordic-fi"
customer_id = "C02def456"
admin = "robot@reseller-fi.example"
credentials_file = "key.json"

[[resellers]]
name = "nordic-se"
license = "site"
"#;
    let folder = folder(&[("a.toml", LEAST), ("b.toml", second)]);
    let config =
        load_in(folder.path(), &["a.toml", "b.toml"], &[]).unwrap_or_else(|faults| panic!("{faults}"));
    let resellers: Vec<_> =
        config.resellers.iter().map(|r| (r.reseller.name.as_str(), r.reseller.license)).collect();
    assert_eq!(resellers, [("nordic-fi", LicenseMode::Auto), ("nordic-se", LicenseMode::Site)]);
}

#[test]
fn what_the_sandbox_writes_loads() {
    let (folder, config) = loaded(
        r#"
[google]
endpoint = "http://127.0.0.1:9010"
[store]
path = "data"
[http]
listen = "127.0.0.1:8080"
tokens_file = "tokens.toml"
[mail]
transport = "file"
path = "mail"
[[resellers]]
name = "nordic-se"
customer_id = "C01abc123"
admin = "robot@reseller-se.example"
credentials_file = "key.json"
role = { kind = "custom", name = "Customer Care", privileges = [{ service_id = "1", name = "READ" }] }
"#,
        &[],
    );
    assert!(
        matches!(config.mail.transport, MailTransport::File { path, .. } if path == folder.path().join("mail"))
    );
}

#[test]
fn a_secret_comes_from_the_strongest_layer_and_is_never_shown() {
    let check = |text: &str, variables: &[(&str, &str)], expected: &str| {
        let folder = folder(&[
            ("carepass.toml", &format!("{text}{LEAST}")),
            ("url", "amqp://u:pass@in-a-file/\n"),
            ("other", "amqp://u:pass@in-another/"),
        ]);
        fs::create_dir(folder.path().join("credentials")).unwrap();
        write(folder.path(), "credentials/intake.amqp.url", "amqp://u:pass@in-a-credential/", 0o440);
        let config =
            load_in(folder.path(), &["carepass.toml"], variables).unwrap_or_else(|faults| panic!("{faults}"));
        let printed = format!("{config:?}");
        assert!(!printed.contains("pass@") && !printed.contains("u:p"), "{printed}");
        assert_eq!(config.intake.amqp.unwrap().endpoint.to_string(), format!("amqp://{expected}:5672/"));
    };
    let plain = "[intake.amqp]\nurl = \"amqp://u:pass@in-the-text/\"\n";
    let file = "[intake.amqp]\nurl_file = \"url\"\n";
    let credentials = ("CREDENTIALS_DIRECTORY", "DIR/credentials");
    check(plain, &[], "in-the-text");
    check(file, &[], "in-a-file");
    check("", &[credentials], "in-a-credential");
    check(plain, &[credentials], "in-a-credential");
    check(plain, &[("CAREPASS__INTAKE__AMQP__URL_FILE", "DIR/other")], "in-another");
    check(file, &[("CAREPASS__INTAKE__AMQP__URL", "amqp://u:pass@in-a-variable/")], "in-a-variable");
    check(
        file,
        &[credentials, ("CAREPASS__INTAKE__AMQP__URL", "amqp://u:pass@in-a-variable/")],
        "in-a-variable",
    );
}

#[test]
fn a_secret_may_be_read_by_a_group_and_by_no_one_else() {
    let folder = folder(&[("carepass.toml", LEAST)]);
    fs::remove_file(folder.path().join("key.json")).unwrap();
    let loads = |mode: u32| {
        write(folder.path(), "key.json", key_file(), mode);
        load_in(folder.path(), &["carepass.toml"], &[]).is_ok()
    };
    for mode in [0o400, 0o440, 0o600, 0o640] {
        assert!(loads(mode), "{mode:o}");
        fs::remove_file(folder.path().join("key.json")).unwrap();
    }
    for mode in [0o644, 0o660, 0o604] {
        assert!(!loads(mode), "{mode:o}");
    }
}

#[test]
fn the_keys_of_a_reseller_can_be_a_credential() {
    let folder = folder(&[("carepass.toml", &LEAST.replace("credentials_file = \"key.json\"", ""))]);
    fs::create_dir(folder.path().join("credentials")).unwrap();
    write(folder.path(), "credentials/resellers.nordic-se.credentials", key_file(), 0o440);
    let config = load_in(folder.path(), &["carepass.toml"], &[("CREDENTIALS_DIRECTORY", "DIR/credentials")])
        .unwrap_or_else(|faults| panic!("{faults}"));
    assert!(config.resellers[0].credentials.email().ends_with(".iam.gserviceaccount.com"));
}

/// A key that is listed and not read is unknown to every load, and one that is read and not listed stops the test of the reader.
#[test]
fn the_defaults_have_short_lines() {
    for (number, line) in layers::DEFAULTS.lines().enumerate() {
        assert!(line.len() <= 130, "default.toml, line {}: {line}", number + 1);
    }
}
