//! The engineers' data keys: one small file each, never in the ledger, so that deleting a file later destroys what was sealed
//! with it and leaves the proof. A file is on disk before the frame that brings its engineer, and is destroyed after the frame that
//! erases the engineer. It holds three lines: the wrapped key in base64; the position of the entry that brought it, so that an old
//! erasure, read again from the ledger, does not destroy a newer key; and a SHA-256 over the engineer's key and these lines, which
//! finds damaged and exchanged files.
//! Not here: whether a key may be stored (`store/condition`), and what opens it (`seal`).

use super::digest::{Digest, hexadecimal};
use super::files;
use crate::model::entry::Position;
use crate::model::id::EngineerKey;
use crate::model::sealed::WrappedKey;
use crate::store::StoreError;
use std::io;
use std::path::{Path, PathBuf};

/// A data key as it lies on disk.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The entry that brought it.
    pub since: Position,
    /// The name of its file.
    pub name: String,
    /// What the file holds.
    pub bytes: Vec<u8>,
}

/// The directory of data keys.
#[derive(Debug)]
pub struct Keys {
    directory: PathBuf,
}

impl Keys {
    /// The keys in a directory, which is made if it is missing.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        files::make_directory(directory).map_err(files::unavailable(directory))?;
        Ok(Self { directory: directory.to_owned() })
    }

    /// The key of an engineer.
    pub fn read(&self, engineer: &EngineerKey) -> Result<Option<WrappedKey>, StoreError> {
        let path = self.path_of(engineer);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(files::unavailable(&path)(error)),
        };
        parse(engineer, &bytes).map(|(key, _)| Some(key)).ok_or_else(|| {
            StoreError::Damaged(format!(
                "the data key in {} does not match its checksum. What is sealed for this engineer cannot be read. \
                 Restore the file from a backup.",
                path.display()
            ))
        })
    }

    /// Every data key that matches its check. Those that do not are left out: see [`Keys::damaged`].
    pub fn all(&self) -> Result<Vec<Stored>, StoreError> {
        Ok(self.files()?.into_iter().filter_map(|(name, bytes)| stored(name, bytes)).collect())
    }

    /// The names of files that are no data key, or a damaged one.
    pub fn damaged(&self) -> Result<Vec<String>, StoreError> {
        let files = self.files()?.into_iter();
        Ok(files
            .filter(|(name, bytes)| stored(name.clone(), bytes.clone()).is_none())
            .map(|(name, _)| name)
            .collect())
    }

    fn files(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        files::read_all(&self.directory).map_err(files::unavailable(&self.directory))
    }

    /// Writes keys, each with the position that brings it, and answers when they are on disk; together, because a flood of new
    /// engineers would hold up everybody's commits.
    pub fn write<'a>(
        &self,
        keys: impl Iterator<Item = (&'a EngineerKey, &'a (WrappedKey, Position))>,
    ) -> io::Result<()> {
        let files =
            keys.map(|(engineer, (key, since))| (self.path_of(engineer), content(engineer, key, *since)));
        files::write_together(&self.directory, files)
    }

    /// Destroys the keys that are older than the erasure of their engineer, and answers when that is on disk. A key that cannot be
    /// read is of no use to anybody and goes too.
    pub fn destroy<'a>(&self, erased: impl Iterator<Item = &'a (EngineerKey, Position)>) -> io::Result<()> {
        let mut paths = Vec::new();
        for (engineer, position) in erased {
            let path = self.path_of(engineer);
            let bytes = match std::fs::read(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
                Err(error) => return Err(error),
            };
            if parse(engineer, &bytes).is_none_or(|(_, since)| since < *position) {
                paths.extend([files::draft_of(&path), path]);
            }
        }
        files::remove_together(&self.directory, paths.into_iter())
    }

    /// The hexadecimal form is a file name on every file system, whatever the key looks like.
    fn path_of(&self, engineer: &EngineerKey) -> PathBuf {
        self.directory.join(hexadecimal(engineer.as_str().as_bytes()))
    }
}

fn stored(name: String, bytes: Vec<u8>) -> Option<Stored> {
    let engineer = EngineerKey::parse(&String::from_utf8(bytes_of(&name)?).ok()?).ok()?;
    let (_, since) = parse(&engineer, &bytes)?;
    Some(Stored { since, name, bytes })
}

/// The bytes behind hexadecimal digits.
fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn content(engineer: &EngineerKey, key: &WrappedKey, since: Position) -> Vec<u8> {
    let lines = format!("{}\n{}\n", String::from(key.clone()), since.0);
    let check = Digest::of(&[engineer.as_str().as_bytes(), b"\n", lines.as_bytes()]);
    format!("{lines}{check}\n").into_bytes()
}

fn parse(engineer: &EngineerKey, bytes: &[u8]) -> Option<(WrappedKey, Position)> {
    let mut lines = std::str::from_utf8(bytes).ok()?.lines();
    let key = WrappedKey::try_from(lines.next()?.to_owned()).ok()?;
    let since = Position(lines.next()?.parse().ok()?);
    (content(engineer, &key, since) == bytes).then_some((key, since))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn keys_are_private_and_damage_or_exchange_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let keys = Keys::open(&directory.path().join("keys")).unwrap();
        let [one, other, absent] = ["E-1", "E-2", "E-3"].map(|key| EngineerKey::parse(key).unwrap());
        let [brought, other_brought] =
            [1, 2].map(|n| (WrappedKey::from_bytes(vec![n; 60]), Position(u64::from(n))));
        keys.write([(&one, &brought), (&other, &other_brought)].into_iter()).unwrap();
        assert_eq!(keys.read(&one), Ok(Some(brought.0)));
        assert_eq!(keys.read(&absent), Ok(None));
        let path = keys.path_of(&one);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(&keys.directory).unwrap().permissions().mode() & 0o777, 0o700);
        let whole = std::fs::read(&path).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, flipped).unwrap();
            assert!(matches!(keys.read(&one), Err(StoreError::Damaged(_))), "bit {bit}");
        }
        std::fs::copy(keys.path_of(&other), &path).unwrap();
        assert!(matches!(keys.read(&one), Err(StoreError::Damaged(_))));
    }

    #[test]
    fn an_erasure_destroys_what_is_older() {
        let directory = tempfile::tempdir().unwrap();
        let keys = Keys::open(directory.path()).unwrap();
        let engineer = EngineerKey::parse("E-1").unwrap();
        let key = WrappedKey::from_bytes(vec![1; 60]);
        for (erased, remains) in [(6, true), (7, true), (8, false), (8, false)] {
            keys.write([(&engineer, &(key.clone(), Position(7)))].into_iter()).unwrap();
            std::fs::write(files::draft_of(&keys.path_of(&engineer)), "half").unwrap();
            keys.destroy([(engineer.clone(), Position(erased))].iter()).unwrap();
            assert_eq!(keys.read(&engineer).unwrap().is_some(), remains, "erased at {erased}");
            let files = std::fs::read_dir(directory.path()).unwrap().count();
            assert_eq!(files, if remains { 2 } else { 0 }, "drafts go too");
        }
        std::fs::write(keys.path_of(&engineer), "damaged").unwrap();
        keys.destroy([(engineer.clone(), Position(9))].iter()).unwrap();
        assert_eq!(keys.read(&engineer), Ok(None));
    }
}
