//! First passwords in a file that only the configured recipients can read (age-encryption.org/v1). The crate is heavy, so it is a
//! feature of the build: without it a recipient cannot be parsed, and the configuration says so. Not here: reading such a file.

use super::FirstPassword;
#[cfg(feature = "age")]
use super::content;
#[cfg(feature = "age")]
use crate::crash::crash_point;
use crate::model::id::EngineerKey;
use std::path::PathBuf;

/// Why a text is no recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRecipient {
    /// It is not an age public key.
    #[error("not a recipient like age1…, as age-keygen prints it")]
    NotAKey,
    /// The build cannot do it.
    #[error("this build has no age: build carepass with --features age, or choose link, vault or sso")]
    NotBuiltIn,
}

/// The folder and those who can read what is in it.
#[derive(Clone, Debug)]
pub struct AgeFolder {
    #[cfg_attr(not(feature = "age"), expect(dead_code, reason = "nothing is written without age"))]
    folder: PathBuf,
    #[cfg(feature = "age")]
    recipients: Vec<age::x25519::Recipient>,
}

#[cfg(feature = "age")]
impl AgeFolder {
    /// A folder for these recipients, of which there is at least one.
    ///
    /// # Errors
    /// When a text is no recipient, or there is none.
    pub fn new(folder: PathBuf, recipients: &[String]) -> Result<Self, InvalidRecipient> {
        let parsed: Result<Vec<_>, _> = recipients.iter().map(|text| text.parse()).collect();
        match parsed {
            Ok(recipients) if !recipients.is_empty() => Ok(Self { folder, recipients }),
            Ok(_) | Err(_) => Err(InvalidRecipient::NotAKey),
        }
    }

    /// Writes the envelope's file, mode 600, whole or not at all; one of the same number is replaced.
    ///
    /// # Errors
    /// When it cannot be encrypted or written.
    pub async fn write(
        &self,
        engineer: &EngineerKey,
        issue: u32,
        passwords: &[FirstPassword],
    ) -> std::io::Result<()> {
        let recipients = self.recipients.iter().map(|recipient| recipient as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(recipients).map_err(std::io::Error::other)?;
        let mut sealed = Vec::new();
        let mut writer = encryptor.wrap_output(&mut sealed)?;
        std::io::Write::write_all(&mut writer, content(passwords).as_bytes())?;
        writer.finish()?;
        let (folder, name) = (self.folder.clone(), format!("{engineer}-{issue}.age"));
        crash_point!(async "age.file.before");
        let written = tokio::task::spawn_blocking(move || put(&folder, &name, &sealed)).await;
        crash_point!(async "age.file.after");
        written.map_err(std::io::Error::other)?
    }
}

#[cfg(not(feature = "age"))]
impl AgeFolder {
    /// Refuses: the build has no age.
    ///
    /// # Errors
    /// Always.
    pub fn new(_folder: PathBuf, _recipients: &[String]) -> Result<Self, InvalidRecipient> {
        Err(InvalidRecipient::NotBuiltIn)
    }

    /// Refuses: the build has no age.
    ///
    /// # Errors
    /// Always.
    pub async fn write(
        &self,
        _engineer: &EngineerKey,
        _issue: u32,
        _passwords: &[FirstPassword],
    ) -> std::io::Result<()> {
        std::future::ready(Err(std::io::ErrorKind::Unsupported.into())).await
    }
}

#[cfg(feature = "age")]
fn put(folder: &std::path::Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let draft = folder.join(format!(".{name}.new"));
    // One that a crash has left may belong to anybody's mode.
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => (),
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&draft, folder.join(name))?;
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_build_has_no_age_is_told_how_to_get_it() {
        let refused = InvalidRecipient::NotBuiltIn.to_string();
        assert!(refused.contains("--features age"), "{refused}");
    }

    #[cfg(feature = "age")]
    #[tokio::test]
    async fn a_handover_by_age_is_read_by_its_recipients_alone() {
        use std::io::Read as _;
        use std::os::unix::fs::PermissionsExt as _;
        let (ours, strange) = (age::x25519::Identity::generate(), age::x25519::Identity::generate());
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("envelopes");
        let age = AgeFolder::new(inside.clone(), &[ours.to_public().to_string()]).unwrap();
        let passwords = [FirstPassword {
            domain: "a.se".parse().unwrap(),
            address: "asa@a.se".to_owned(),
            password: "canary-password".into(),
        }];
        let engineer: EngineerKey = "E-1".parse().unwrap();
        for _ in 0..2 {
            age.write(&engineer, 3, &passwords).await.unwrap();
        }
        let files: Vec<_> = std::fs::read_dir(&inside).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(files, [inside.join("E-1-3.age")]);
        let mode = std::fs::metadata(&files[0]).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let bytes = std::fs::read(&files[0]).unwrap();
        assert!(!bytes.windows(6).any(|part| part == b"canary"));
        let open = |identity: &age::x25519::Identity| {
            let decryptor = age::Decryptor::new(&bytes[..]).unwrap();
            let mut text = String::new();
            let mut reader = decryptor.decrypt(std::iter::once(identity as &dyn age::Identity)).ok()?;
            reader.read_to_string(&mut text).unwrap();
            Some(text)
        };
        let text = open(&ours).unwrap();
        assert_eq!(text, r#"{"a.se":{"address":"asa@a.se","password":"canary-password"}}"#);
        assert_eq!(open(&strange), None);
        for wrong in [&[][..], &["age1x".to_owned()]] {
            assert_eq!(AgeFolder::new(inside.clone(), wrong).unwrap_err(), InvalidRecipient::NotAKey);
        }
    }
}
