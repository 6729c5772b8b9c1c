//! Letters as files in a folder, one `.eml` for each message id, whole or not at all.
//! Not here: who collects them.

use super::message::message;
use super::{Letter, MailError, MailFault, Sender};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes letters into one folder.
#[derive(Clone, Debug)]
pub struct FileMailer {
    folder: PathBuf,
    sender: Sender,
}

impl FileMailer {
    /// Takes the folder, and creates it for the owner only when there is none. Blocks; call it before the work begins.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub fn open(folder: &Path, sender: Sender) -> Result<Self, MailError> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| storage(&error))?;
        Ok(Self { folder: folder.to_owned(), sender })
    }

    pub(super) async fn send(&self, letter: &Letter) -> Result<(), MailError> {
        let bytes = message(letter, &self.sender)?.formatted();
        let (folder, name) = (self.folder.clone(), format!("{}.eml", letter.message_id.as_str()));
        let written = tokio::task::spawn_blocking(move || write_once(&folder, &name, &bytes)).await;
        written
            .map_err(|_| MailError::Transient(MailFault::Storage(io::ErrorKind::Other)))?
            .map_err(|error| storage(&error))
    }
}

/// Writes a draft, durably, and gives it its name in one step. A letter that is there already stays as it is.
fn write_once(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    static DRAFTS: AtomicU64 = AtomicU64::new(0);
    let path = folder.join(name);
    if path.try_exists()? {
        return Ok(());
    }
    let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
    let draft = folder.join(format!(".{}-{number}.draft", std::process::id()));
    let placed = write_durably(&draft, bytes).and_then(|()| fs::rename(&draft, &path));
    if placed.is_err() {
        // What counts is why the letter could not be placed, not whether its draft is gone.
        drop(fs::remove_file(&draft));
    }
    placed?;
    File::open(folder)?.sync_all()
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A draft of this name can only be left from a process of the same id that was killed.
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A full disk or a wrong mode is mended by a person without changing the letter, so the same letter may leave later.
fn storage(error: &io::Error) -> MailError {
    MailError::Transient(MailFault::Storage(error.kind()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{letter, sender};
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn a_letter_sent_twice_is_one_file_for_the_owner_only() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("var/mail");
        let mailer = FileMailer::open(&folder, sender()).unwrap();
        mailer.send(&letter("welcome.1@x")).await.unwrap();
        let mut again = letter("welcome.1@x");
        again.text = "another text".to_owned();
        mailer.send(&again).await.unwrap();
        mailer.send(&letter("welcome.2@x")).await.unwrap();

        let mut names: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["welcome.1@x.eml", "welcome.2@x.eml"]);
        let path = folder.join("welcome.1@x.eml");
        let expected = message(&letter("welcome.1@x"), &sender()).unwrap().formatted();
        assert_eq!(fs::read(&path).unwrap(), expected, "the first one stays");
        assert_eq!((mode(&folder), mode(&path)), (0o700, 0o600));
    }

    #[tokio::test]
    async fn copies_that_race_leave_one_whole_file() {
        let home = tempfile::tempdir().unwrap();
        let mailer = FileMailer::open(home.path(), sender()).unwrap();
        let sending: Vec<_> = (0..16)
            .map(|_| {
                let mailer = mailer.clone();
                tokio::spawn(async move { mailer.send(&letter("a@x")).await })
            })
            .collect();
        for sent in sending {
            assert_eq!(sent.await.unwrap(), Ok(()));
        }
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_is_a_transient_failure() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("mail");
        let mailer = FileMailer::open(&folder, sender()).unwrap();
        fs::remove_dir(&folder).unwrap();
        let sent = mailer.send(&letter("a@x")).await;
        assert_eq!(sent, Err(MailError::Transient(MailFault::Storage(io::ErrorKind::NotFound))));

        fs::write(&folder, "a file").unwrap();
        assert!(FileMailer::open(&folder, sender()).is_err(), "a file is no folder");
    }
}
