//! `carepass event keygen`, and the key of `event publish --sign-key`: for those whose HR system signs its events.
//! Not here: what a signature is (`model/signature`).

use super::event::CONTENT_TYPE;
use super::exit::{Ended, Exit, Trouble};
use super::screen::Screen;
use crate::amqp::Outgoing;
use crate::model::privacy::is_private;
use crate::model::signature::{KEY_LENGTH, SIGNATURE_HEADER, SIGNATURE_MAX, SigningKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use ring::rand::{SecureRandom as _, SystemRandom};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The longest key file that is read, in bytes.
const FILE_MAX: usize = 16 * 1024;

/// Arguments of `event keygen`.
#[derive(Clone, Debug, Args)]
pub struct KeygenArgs {
    /// The file for the private key; must not exist, and gets the mode 600
    file: PathBuf,
    /// The key's name, which every signature carries
    #[arg(long, value_parser = key_id)]
    key_id: String,
    /// The CloudEvents source that signs with it
    #[arg(long, default_value = "https://hr.example/")]
    source: String,
    /// Print JSON
    #[arg(long, display_order = super::LAST)]
    json: bool,
}

/// How messages are signed, if they are.
#[derive(Clone, Debug, Args)]
pub(super) struct SignArgs {
    /// Sign each event with this private key: Ed25519 in PKCS#8 and PEM, as `event keygen` or OpenSSL makes it
    #[arg(long, value_name = "FILE", requires = "key_id")]
    sign_key: Option<PathBuf>,
    /// The key's name in the configuration of carepass
    #[arg(long, value_name = "ID", requires = "sign_key", value_parser = key_id)]
    key_id: Option<String>,
}

/// Runs `event keygen`.
pub fn keygen(args: &KeygenArgs, screen: &mut Screen) -> Ended {
    let mut seed = Zeroizing::new([0; KEY_LENGTH]);
    SystemRandom::new().fill(&mut *seed).map_err(|_| Trouble::failed("the system has no randomness"))?;
    let der = SigningKey::pkcs8_of(&seed);
    let key = SigningKey::from_pkcs8(&der).map_err(|error| Trouble::failed(error.to_string()))?;
    let body = Zeroizing::new(STANDARD.encode(&*der));
    let pem = Zeroizing::new(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", &*body));
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&args.file);
    let written = written.and_then(|mut file| file.write_all(pem.as_bytes()).and_then(|()| file.sync_all()));
    written
        .map_err(|error| Trouble::failed(format!("{} cannot be written: {error}", args.file.display())))?;
    let (source, id, public_key) = (&args.source, &args.key_id, key.public_key().to_string());
    if args.json {
        screen.say(format_args!("{:#}", json!({ "source": source, "id": id, "public_key": public_key })));
        return Ok(Exit::Done);
    }
    screen.note(format_args!(
        "The private key is in {}; it stays with the sender. The lines for the configuration of carepass:",
        args.file.display()
    ));
    let text = |text: &str| toml::Value::from(text).to_string();
    screen.say(format_args!(
        "[[intake.keys]]\nsource = {}\nid = {}\npublic_key = {}",
        text(source),
        text(id),
        text(&public_key)
    ));
    Ok(Exit::Done)
}

impl SignArgs {
    /// Signs the messages, each over the bytes of its body.
    pub(super) fn sign(&self, messages: &mut [Outgoing]) -> Result<(), Trouble> {
        let (Some(file), Some(id)) = (&self.sign_key, &self.key_id) else { return Ok(()) };
        let key = read(file)?;
        for message in messages {
            debug_assert_eq!(message.content_type, CONTENT_TYPE, "only structured mode can be signed");
            message.headers.insert(SIGNATURE_HEADER.to_owned(), key.sign(id, &message.body));
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<SigningKey, Trouble> {
    let wrong = |why: &dyn std::fmt::Display| Trouble::usage(format!("{}: {why}", path.display()));
    let file = File::open(path).map_err(|error| wrong(&error))?;
    if !is_private(file.metadata().map_err(|error| wrong(&error))?.permissions().mode()) {
        return Err(wrong(&"the key is open to other users; set its mode to 600"));
    }
    // Room for all of it at once: a growing buffer would leave copies of the key behind.
    let mut pem = Zeroizing::new(Vec::with_capacity(FILE_MAX));
    file.take(FILE_MAX as u64).read_to_end(&mut pem).map_err(|error| wrong(&error))?;
    let der = PrivatePkcs8KeyDer::from_pem_slice(&pem).map_err(|_| wrong(&"not PKCS#8 in PEM"))?;
    SigningKey::from_pkcs8(der.secret_pkcs8_der()).map_err(|error| wrong(&error))
}

/// A name that leaves room for the rest of the signature.
fn key_id(text: &str) -> Result<String, String> {
    let sound = (1..=SIGNATURE_MAX / 4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if sound {
        Ok(text.to_owned())
    } else {
        Err(format!("1 to {} visible ASCII characters", SIGNATURE_MAX / 4))
    }
}
