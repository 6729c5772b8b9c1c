//! Parked messages: one small file each, sealed, never in the ledger, so that dropping a letter leaves nothing of a person behind.
//! A file is on disk before the frame that parks it, and goes after the frame that unparks it; what a crash left between the two is
//! removed at the next start. Not here: what is parked, which the index knows, and what opens a letter (`seal`).

use super::files;
use crate::model::parked::LetterId;
use crate::model::sealed::Sealed;
use crate::store::StoreError;
use std::io;
use std::path::{Path, PathBuf};

/// The directory of letters.
#[derive(Debug)]
pub struct Letters {
    directory: PathBuf,
}

impl Letters {
    /// The letters in a directory, which is made if it is missing.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        files::make_directory(directory).map_err(files::unavailable(directory))?;
        Ok(Self { directory: directory.to_owned() })
    }

    /// A letter, if it is there. The seal finds damage.
    pub fn read(&self, id: &LetterId) -> Result<Option<Sealed>, StoreError> {
        let path = self.path_of(id);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(Sealed::from_bytes(bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(files::unavailable(&path)(error)),
        }
    }

    /// Writes letters and answers when they are on disk.
    pub fn write<'a>(&self, letters: impl Iterator<Item = (&'a LetterId, &'a Sealed)>) -> io::Result<()> {
        let files = letters.map(|(id, letter)| (self.path_of(id), letter.as_bytes().to_vec()));
        files::write_together(&self.directory, files)
    }

    /// Removes letters and answers when that is on disk.
    pub fn remove<'a>(&self, ids: impl Iterator<Item = &'a LetterId>) -> io::Result<()> {
        files::remove_together(&self.directory, ids.map(|id| self.path_of(id)))
    }

    /// Removes every file that is no letter which is still parked.
    pub fn keep_only(
        &self,
        mut is_parked: impl FnMut(&LetterId) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let unavailable = files::unavailable(&self.directory);
        let mut left_over = Vec::new();
        for file in std::fs::read_dir(&self.directory).map_err(&unavailable)? {
            let path = file.map_err(&unavailable)?.path();
            let id = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            let kept = id.as_ref().map_or(Ok(false), &mut is_parked)?;
            if !kept {
                left_over.push(path);
            }
        }
        files::remove_together(&self.directory, left_over.into_iter()).map_err(&unavailable)
    }

    fn path_of(&self, id: &LetterId) -> PathBuf {
        self.directory.join(id.as_str())
    }
}
