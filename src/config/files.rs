//! Looking at the files that a configuration names: are they there, may they be read, by whom else? Not here: what a file's text means.

use crate::model::privacy::is_private;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// More than any configuration file, key or secret needs.
const FILE_MAX: u64 = 1024 * 1024;
const WRITABLE_BY_ALL: u32 = 0o002;

/// Who may get at a file besides its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Privacy {
    /// A key or a secret.
    Secret,
    /// Everybody may read it.
    Public,
}

/// The text of a file, or what is wrong with the file.
pub(super) fn read(path: &Path, privacy: Privacy) -> Result<String, String> {
    let mut text = String::new();
    let read = open(path, privacy)?.take(FILE_MAX + 1).read_to_string(&mut text);
    match read {
        Ok(length) if length as u64 > FILE_MAX => {
            Err(format!("{} is larger than 1 MiB; is it the right file?", path.display()))
        }
        Ok(_) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(format!("{} is not UTF-8 text; is it the right file?", path.display()))
        }
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// Whether a file can be read and is as private as it should be.
pub(super) fn check(path: &Path, privacy: Privacy) -> Result<(), String> {
    open(path, privacy).map(|_| ())
}

fn open(path: &Path, privacy: Privacy) -> Result<File, String> {
    // A pipe or a device would be waited for.
    let kind = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !kind.is_file() {
        return Err(format!("{} is not a file; name a file here", path.display()));
    }
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let mode = file.metadata().map_err(|error| unreadable(path, &error))?.permissions().mode() & 0o777;
    match privacy {
        Privacy::Secret if !is_private(mode) => Err(format!(
            "{path} is open to others (mode {mode:04o}); chmod 600 {path}",
            path = path.display()
        )),
        Privacy::Public if mode & WRITABLE_BY_ALL != 0 => Err(format!(
            "{path} can be changed by everybody (mode {mode:04o}); chmod o-w {path}",
            path = path.display()
        )),
        Privacy::Secret | Privacy::Public => Ok(file),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    if error.kind() == io::ErrorKind::NotFound {
        format!("{path} does not exist; create it, or correct the path")
    } else if error.kind() == io::ErrorKind::PermissionDenied {
        format!("{path} may not be read; give it to the user that runs carepass")
    } else {
        format!("{path} cannot be read ({error}); correct the path")
    }
}
