//! The engineers' data keys: one small file each, never in the ledger, so that deleting a file later destroys what was sealed
//! with it and leaves the proof. A file is on disk before the frame that brings its engineer. It holds two lines: the wrapped
//! key in base64, and a SHA-256 over the engineer's key and that line, which finds damaged and exchanged files.
//! Not here: whether a key may be stored (`store/condition`), and what opens it (`seal`).

use super::files;
use super::frame::{Digest, hexadecimal};
use crate::model::id::EngineerKey;
use crate::model::sealed::WrappedKey;
use crate::store::StoreError;
use std::io;
use std::path::{Path, PathBuf};

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
        parse(engineer, &bytes).map(Some).ok_or_else(|| {
            StoreError::Damaged(format!(
                "the data key in {} does not match its checksum. What is sealed for this engineer cannot be read. \
                 Restore the file from a backup.",
                path.display()
            ))
        })
    }

    /// Writes keys and answers when they are on disk. All drafts are written before the first sync, and several threads sync,
    /// so that the file system can bring them down together: a flood of new engineers would hold up everybody's commits.
    pub fn write<'a>(&self, keys: impl Iterator<Item = (&'a EngineerKey, &'a WrappedKey)>) -> io::Result<()> {
        let (mut drafts, mut paths) = (Vec::new(), Vec::new());
        for (engineer, key) in keys {
            let path = self.path_of(engineer);
            drafts.push(files::write_draft(&files::draft_of(&path), &content(engineer, key))?);
            paths.push(path);
        }
        if drafts.is_empty() {
            return Ok(());
        }
        files::sync_together(&drafts)?;
        for path in paths {
            std::fs::rename(files::draft_of(&path), path)?;
        }
        files::sync_directory(&self.directory)
    }

    /// The hexadecimal form is a file name on every file system, whatever the key looks like.
    fn path_of(&self, engineer: &EngineerKey) -> PathBuf {
        self.directory.join(hexadecimal(engineer.as_str().as_bytes()))
    }
}

fn content(engineer: &EngineerKey, key: &WrappedKey) -> Vec<u8> {
    let line = String::from(key.clone());
    let check = Digest::of(&[engineer.as_str().as_bytes(), b"\n", line.as_bytes()]);
    format!("{line}\n{check}\n").into_bytes()
}

fn parse(engineer: &EngineerKey, bytes: &[u8]) -> Option<WrappedKey> {
    let line = std::str::from_utf8(bytes).ok()?.lines().next()?;
    let key = WrappedKey::try_from(line.to_owned()).ok()?;
    (content(engineer, &key) == bytes).then_some(key)
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
        let (key, other_key) = (WrappedKey::from_bytes(vec![1; 60]), WrappedKey::from_bytes(vec![2; 60]));
        keys.write([(&one, &key), (&other, &other_key)].into_iter()).unwrap();
        assert_eq!(keys.read(&one), Ok(Some(key)));
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
}
