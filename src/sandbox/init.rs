//! `sandbox init` and the demo: the example world with a fresh service account per reseller, and a `carepass.toml`
//! that fits. Keys are made here and now; none is ever in the repository. They are throw-away keys (see `rsa`).
//! Not here: writing over anything that is there already.

use super::rsa::{KeyPair, NoRandomness, generate_many};
use super::world::World;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::json;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The world file without keys.
const EXAMPLE: &str = include_str!("../../config/world.example.toml");
/// What is added to it where Google is at its worst.
const NASTY: &str = include_str!("../../config/world.nasty.toml");
/// The service account of the machine in the nasty world.
const MACHINE: &str = "carepass-runtime@sandbox-runtime.iam.gserviceaccount.com";

/// Where the files of `init` expect the sandbox to listen.
pub const LISTEN: &str = "127.0.0.1:9010";

/// Name, customer id and primary domain of the example's resellers.
const RESELLERS: [(&str, &str, &str); 3] = [
    ("nordic-se", "C01nordicse", "reseller-se.example"),
    ("nordic-dk", "C01nordicdk", "reseller-dk.example"),
    ("nordic-no", "C01nordicno", "reseller-no.example"),
];

/// In the nasty world one reseller has paid licences that carepass may take away.
pub const NASTY_REMOVABLE: (&str, &str) = ("nordic-dk", "Google-Apps/1010020027");

/// How Google behaves in a new world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// As a demo wants it: at once, and without a quota.
    Plain,
    /// Late, slow, inconsistent, and with Google's quotas.
    Nasty,
}

/// Why the files could not be made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Files of these names are there; nothing was written.
    #[error("{} already there; nothing was written, choose another folder or remove them", list(.0))]
    Exists(Vec<PathBuf>),
    /// A file or the folder could not be written.
    #[error("{}: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No keys without randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// The example world and its accounts, in memory.
#[derive(Clone)]
pub struct DemoFiles {
    /// The world file, service accounts included.
    pub world: String,
    /// The same with everything that Google does against one.
    pub nasty_world: String,
    /// The resellers, in the order of the file.
    pub resellers: Vec<DemoReseller>,
}

/// A reseller of the example world and the account that may act in it.
#[derive(Clone)]
pub struct DemoReseller {
    /// The operator's name for it.
    pub name: &'static str,
    /// The `C…` id.
    pub customer_id: &'static str,
    /// The super administrator to act as.
    pub admin: String,
    /// Google's service-account file, private key included.
    pub credentials: String,
}

/// Makes fresh keys and everything around them.
pub fn demo_files() -> Result<DemoFiles, NoRandomness> {
    let keys = generate_many(RESELLERS.len())?;
    let resellers = RESELLERS.iter().zip(&keys);
    Ok(DemoFiles {
        world: world_text(&keys, Mood::Plain),
        nasty_world: world_text(&keys, Mood::Nasty),
        resellers: resellers
            .map(|((name, customer_id, domain), key)| DemoReseller {
                name,
                customer_id,
                admin: format!("carepass-robot@{domain}"),
                credentials: credentials(name, key),
            })
            .collect(),
    })
}

/// Writes `world.toml`, `<reseller>.json`, `carepass.toml` and, for its API, `token` and `tokens.toml` into a folder, readable by the
/// owner only.
/// Nothing is overwritten: when one of them is there, none is written.
pub fn write(folder: &Path) -> Result<(), InitError> {
    write_in(folder, Mood::Plain)
}

/// The same for a Google that behaves otherwise; `carepass.toml` then keeps to the quotas.
pub fn write_in(folder: &Path, mood: Mood) -> Result<(), InitError> {
    fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
    let folder = fs::canonicalize(folder).map_err(|source| failed(folder, source))?;
    let path = |name: &str| folder.join(name);
    let credentials = |name: &str| path(&format!("{name}.json"));
    let mut paths = ["world.toml", "carepass.toml", "token", "tokens.toml"].map(path).to_vec();
    paths.extend(RESELLERS.iter().map(|(name, _, _)| credentials(name)));
    let there: Vec<PathBuf> = paths.into_iter().filter(|path| path.exists()).collect();
    if !there.is_empty() {
        return Err(InitError::Exists(there));
    }
    let files = demo_files()?;
    let (token, tokens) = api_token()?;
    write_new(&path("token"), &token)?;
    write_new(&path("tokens.toml"), &tokens)?;
    for reseller in &files.resellers {
        write_new(&credentials(reseller.name), &reseller.credentials)?;
    }
    let world = match mood {
        Mood::Plain => &files.world,
        Mood::Nasty => &files.nasty_world,
    };
    write_new(&path("world.toml"), world)?;
    write_new(&path("carepass.toml"), &configuration(&folder, &files.resellers, mood))
}

impl World {
    /// The example world in which these keys, one per reseller in the file's order, open the doors.
    ///
    /// # Panics
    /// Not with the file that is built in, which a test reads.
    pub fn demo(keys: &[KeyPair]) -> Self {
        Self::from_toml(&world_text(keys, Mood::Plain)).expect("the built-in world file has no faults")
    }

    /// The same with everything that Google does against one.
    ///
    /// # Panics
    /// Not with the files that are built in, which a test reads.
    pub fn nasty(keys: &[KeyPair]) -> Self {
        Self::from_toml(&world_text(keys, Mood::Nasty)).expect("the built-in world files have no faults")
    }
}

fn world_text(keys: &[KeyPair], mood: Mood) -> String {
    let (mut text, callers) = match mood {
        Mood::Plain => (EXAMPLE.to_owned(), String::new()),
        Mood::Nasty => (format!("{EXAMPLE}\n{NASTY}"), format!("keyless_callers = [\"{MACHINE}\"]\n")),
    };
    for ((name, _, _), key) in RESELLERS.iter().zip(keys) {
        let account = Account::of(name, key);
        let _ = write!(
            text,
            "\n[[service_accounts]]\nemail = \"{}\"\nclient_id = \"{}\"\nkey_id = \"{}\"\npublic_key = \"\"\"\n{}\"\"\"\n\
             resellers = [\"{name}\"]\n{callers}",
            account.email, account.client_id, account.key_id, key.public_pem,
        );
    }
    text
}

/// The names around a key: all follow from the reseller and the key.
struct Account {
    project: String,
    email: String,
    client_id: String,
    key_id: String,
}

impl Account {
    fn of(reseller: &str, key: &KeyPair) -> Self {
        let digest = digest(&SHA256, key.public_pem.as_bytes());
        let mut key_id = String::new();
        for byte in digest.as_ref().iter().take(20) {
            let _ = write!(key_id, "{byte:02x}");
        }
        let number = digest.as_ref().iter().take(8).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let project = format!("sandbox-{reseller}");
        let email = format!("carepass@{project}.iam.gserviceaccount.com");
        Self { project, email, client_id: format!("1{number:020}"), key_id }
    }
}

/// A token for the API that may do everything there, and the tokens file that knows its hash.
fn api_token() -> Result<(String, String), NoRandomness> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    let token = URL_SAFE_NO_PAD.encode(bytes);
    let hash = digest(&SHA256, token.as_bytes());
    let hex = hash.as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    Ok((token, format!("[[tokens]]\nname = \"sandbox\"\nrole = \"approver\"\nhash = \"{hex}\"\n")))
}

/// A key file in Google's shape.
fn credentials(reseller: &str, key: &KeyPair) -> String {
    let account = Account::of(reseller, key);
    let file = json!({
        "type": "service_account",
        "project_id": account.project,
        "private_key_id": account.key_id,
        "private_key": key.private_pem,
        "client_email": account.email,
        "client_id": account.client_id,
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "universe_domain": "googleapis.com",
    });
    format!("{file:#}\n")
}

/// Against a sandbox without quotas there is no need to wait for one.
const HURRY: &str = "\
# In a hurry: the sandbox has no quotas unless its world sets some. Against Google leave these two sections out.
[google.rates]
directory_per_second = 200
user_inserts_per_second = 50
org_units_per_second = 50
licensing_per_second = 50
cloud_identity_per_second = 50

[engine]
backoff_min = \"200ms\"

";

fn configuration(folder: &Path, resellers: &[DemoReseller], mood: Mood) -> String {
    let quoted =
        |name: &str| toml::Value::String(folder.join(name).to_string_lossy().into_owned()).to_string();
    let mut text = format!(
        "# Made by `carepass sandbox init`: carepass against the sandbox, never against Google.\n\
         #\n\
         #   carepass sandbox --world {} --listen {LISTEN}\n\
         #   carepass serve --config {}\n\
         #\n\
         # Every value can be overridden by the environment: CAREPASS__INTAKE__AMQP__URL, CAREPASS__STORE__PATH, …\n\n\
         [intake.amqp]\nurl = \"amqp://127.0.0.1:5672\"\n\n\
         [store]\nbackend = \"embedded\"\npath = {}\n\n\
         [google]\nendpoint = \"http://{LISTEN}\"\n\n\
         {}\
         [http]\nlisten = \"127.0.0.1:8080\"\n\
         # Its token lies in the file `token`: name that with --token-file.\ntokens_file = {}\n\n\
         [mail]\ntransport = \"file\"\npath = {}\n",
        quoted("world.toml"),
        quoted("carepass.toml"),
        quoted("data"),
        if mood == Mood::Plain { HURRY } else { "" },
        quoted("tokens.toml"),
        quoted("mail"),
    );
    for reseller in resellers {
        let _ = write!(
            text,
            "\n[[resellers]]\nname = \"{}\"\ncustomer_id = \"{}\"\nadmin = \"{}\"\ncredentials_file = {}\n\
             org_unit = \"/Customer Care\"\nlicense = \"auto\"\ncase_alerts = \"case-sharing\"\n\
             auto_licensing_off = {{ by = \"sandbox\", on = \"2026-01-01\" }}\n\
             free_subscription = {{ by = \"sandbox\", on = \"2026-01-01\" }}\n\
             # The privileges' names are the sandbox's own invention; Google publishes none.\n\
             role = {{ kind = \"custom\", name = \"Customer Care\", privileges = [\
             {{ service_id = \"02w5ecyt3pkeyqi\", name = \"VIEW_CUSTOMERS\" }}, \
             {{ service_id = \"02w5ecyt3pkeyqi\", name = \"ACCESS_CUSTOMER_SUPPORT_CASES\" }}] }}\n",
            reseller.name,
            reseller.customer_id,
            reseller.admin,
            quoted(&format!("{}.json", reseller.name)),
        );
        let (removable_in, license) = NASTY_REMOVABLE;
        if mood == Mood::Nasty && reseller.name == removable_in {
            let _ = writeln!(
                text,
                "# Automatic licensing is on there at first: what it gives is taken away.\n\
                 removable_licenses = [\"{license}\"]"
            );
        }
    }
    text
}

fn write_new(path: &Path, text: &str) -> Result<(), InitError> {
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|source| failed(path, source))
}

fn failed(path: &Path, source: io::Error) -> InitError {
    InitError::Write { path: path.to_owned(), source }
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Settings;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_files_fit_together_belong_to_the_owner_and_stay() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let world = World::from_toml(&read("world.toml")).unwrap();
        let configuration: toml::Table = toml::from_str(&read("carepass.toml")).unwrap();
        for reseller in configuration["resellers"].as_array().unwrap() {
            let text = |key: &str| reseller[key].as_str().unwrap();
            let customer = &world.customers[text("customer_id")];
            let admin = customer.user(text("admin")).unwrap();
            assert!(customer.is_super_admin(&admin.id));
            let file: serde_json::Value =
                serde_json::from_str(&fs::read_to_string(text("credentials_file")).unwrap()).unwrap();
            assert!(customer.delegates.contains(file["client_email"].as_str().unwrap()));
            let mode = fs::metadata(text("credentials_file")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let before = read("carepass.toml");
        let written = fs::read_dir(folder.path()).unwrap().count();
        assert!(matches!(write(folder.path()), Err(InitError::Exists(there)) if there.len() == written));
        assert_eq!(read("carepass.toml"), before);
    }

    #[test]
    fn the_nasty_world_has_every_switch_on_and_its_configuration_takes_its_time() {
        let folder = tempfile::tempdir().unwrap();
        write_in(folder.path(), Mood::Nasty).unwrap();
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let world = World::from_toml(&read("world.toml")).unwrap();
        assert!(!world.faults.is_empty() && world.metadata_account.is_some());
        let off = serde_json::to_value(Settings::default()).unwrap();
        let on: Vec<serde_json::Value> =
            world.customers.values().map(|one| serde_json::to_value(&one.settings).unwrap()).collect();
        for key in Settings::KEYS.iter().filter(|key| **key != "license_seats") {
            assert!(on.iter().any(|settings| settings[key] != off[key]), "{key} is off everywhere");
        }
        let configuration: toml::Table = toml::from_str(&read("carepass.toml")).unwrap();
        assert!(configuration.get("engine").is_none());
        assert!(configuration["google"].as_table().unwrap().get("rates").is_none());
    }

    #[test]
    fn the_example_says_what_every_setting_does_and_what_it_shows_is_valid() {
        let mut shown = EXAMPLE.to_owned();
        for key in Settings::KEYS {
            let (comment, own) = (format!("\n# {key} = "), format!("\n{key} = "));
            assert!(EXAMPLE.contains(&comment) || EXAMPLE.contains(&own), "{key} is not explained");
            shown = shown.replacen(&comment, &own, 1);
        }
        World::from_toml(&shown).unwrap();
    }

    #[test]
    fn the_example_without_keys_is_whole_and_lets_nobody_in() {
        let world = World::from_toml(EXAMPLE).unwrap();
        assert_eq!(world.customers.len(), 3);
        assert!(world.service_accounts.is_empty());
        let dk = &world.customers["C01nordicdk"];
        assert_eq!(dk.settings.seats, Some(u32::try_from(dk.users.len()).unwrap() + 2));
    }
}
