//! The master key's file: read with care, created durably and never overwritten.
//! Not here: what the key is used for.

use super::{KEY_LEN, KeyBytes, SealError, random_key};
use crate::model::privacy::is_private;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SecureRandom;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The line begins with what it is, so that a wrong file is not taken for a key, nor the key for something else.
const PREFIX: &str = "carepass-master-key-1:";
const FILE_MAX: u64 = 256;
const OWNER_ONLY: u32 = 0o600;

/// The key in the file; a fresh one when there is no file. Of several processes that start at once, one creates it.
pub(super) fn read_or_create(path: &Path, random: &dyn SecureRandom) -> Result<KeyBytes, SealError> {
    match read(path) {
        Err(error) if error.is_missing() => {
            create(path, random)?;
            read(path)
        }
        found => found,
    }
}

/// The key in the file, which has to be there.
pub(super) fn read(path: &Path) -> Result<KeyBytes, SealError> {
    let file = File::open(path).map_err(failure(path, "read"))?;
    // Of the open file and not of its path, which may be another file by now.
    let mode = file.metadata().map_err(failure(path, "read"))?.permissions().mode() & 0o777;
    if !is_private(mode) {
        return Err(SealError::Exposed { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(FILE_MAX).unwrap_or_default()));
    file.take(FILE_MAX).read_to_string(&mut text).map_err(failure(path, "read"))?;
    parse(&text).ok_or_else(|| SealError::NotAKey { path: path.to_owned() })
}

fn parse(text: &str) -> Option<KeyBytes> {
    let encoded = text.strip_suffix('\n').unwrap_or(text).strip_prefix(PREFIX)?;
    let bytes = Zeroizing::new(STANDARD.decode(encoded).ok()?);
    let mut key = Zeroizing::new([0; KEY_LEN]);
    if bytes.len() != KEY_LEN {
        return None;
    }
    key.copy_from_slice(&bytes);
    Some(key)
}

/// Writes a whole file beside the place and links it there, which fails when another process was faster:
/// no process ever sees half a key, and no key is ever overwritten.
fn create(path: &Path, random: &dyn SecureRandom) -> Result<(), SealError> {
    let key = random_key(random)?;
    let text = Zeroizing::new(format!("{PREFIX}{}\n", STANDARD.encode(key.as_slice())));
    let folder = folder_of(path);
    let draft = draft_path(path, random)?;

    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(OWNER_ONLY)
        .open(&draft)
        .map_err(failure(&draft, "created"))?;
    let placed = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| place(&draft, path))
        .map_err(failure(path, "created"));
    fs::remove_file(&draft).map_err(failure(&draft, "removed"))?;
    placed?;
    // The name itself must survive a power cut before anything is sealed.
    File::open(&folder).and_then(|folder| folder.sync_all()).map_err(failure(&folder, "synced"))
}

fn place(draft: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(draft, path) {
        Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        placed => placed,
    }
}

fn draft_path(path: &Path, random: &dyn SecureRandom) -> Result<PathBuf, SealError> {
    let mut chance = [0; 8];
    random.fill(&mut chance).map_err(|_| SealError::NoRandomness)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}.draft", u64::from_ne_bytes(chance)));
    Ok(path.with_file_name(name))
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        Some(_) | None => PathBuf::from("."),
    }
}

fn failure(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> SealError {
    let path = path.to_owned();
    move |source| SealError::File { path, what, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;

    fn key(path: &Path) -> Result<KeyBytes, SealError> {
        read_or_create(path, &SystemRandom::new())
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_missing_key_is_created_for_the_owner_only_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let created = key(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, OWNER_ONLY);
        assert_eq!(key(&path).unwrap(), created);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn a_key_that_others_may_touch_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        key(&path).unwrap();
        for mode in [0o644, 0o660, 0o604, 0o620, 0o601] {
            set_mode(&path, mode);
            let refused = key(&path);
            assert!(
                matches!(refused, Err(SealError::Exposed { mode: seen, .. }) if seen == mode),
                "{refused:?}"
            );
        }
        for mode in [0o400, 0o440, 0o600, 0o640] {
            set_mode(&path, mode);
            assert!(key(&path).is_ok(), "{mode:o}");
        }
    }

    #[test]
    fn a_file_that_holds_something_else_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let short = format!("{PREFIX}{}\n", STANDARD.encode([1; 31]));
        for text in ["", "\n", "password", PREFIX, &short, &"A".repeat(5000)] {
            fs::write(&path, text).unwrap();
            set_mode(&path, OWNER_ONLY);
            assert!(matches!(key(&path), Err(SealError::NotAKey { .. })), "{text:.40}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing/master.key");
        let refused = key(&path).unwrap_err().to_string();
        assert!(refused.contains("missing/master.key") && refused.contains("cannot be created"), "{refused}");
    }

    #[test]
    fn whoever_only_reads_makes_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let missing = read(&path).unwrap_err();
        assert!(missing.is_missing() && !path.exists(), "{missing}");
        assert_eq!(key(&path).unwrap(), read(&path).unwrap());
    }

    #[test]
    fn processes_that_start_at_once_agree_on_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let keys: Vec<_> = std::thread::scope(|scope| {
            let started: Vec<_> = (0..8).map(|_| scope.spawn(|| key(&path).unwrap())).collect();
            started.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
    }
}
