//! One process per data directory. The lock goes with the process, however it ends; the file stays and names the holder.
//! Not here: several machines over one folder.

use super::files;
use crate::store::StoreError;
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// Held as long as the value lives.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, waiting for at most `patience`: the process before may still be going down.
    pub fn acquire(path: &Path, patience: Duration) -> Result<Self, StoreError> {
        let file = files::open_private(path).map_err(files::unavailable(path))?;
        let file = match file.try_lock() {
            Ok(()) => file,
            Err(TryLockError::WouldBlock) => wait_for(file, patience).ok_or_else(|| held(path))?,
            Err(TryLockError::Error(error)) => return Err(files::unavailable(path)(error)),
        };
        sign(&file).map_err(files::unavailable(path))?;
        Ok(Self { _file: file })
    }
}

/// Waits on a thread of its own, so that the wait can end. A thread that gets the lock too late gives it back at once.
fn wait_for(file: File, patience: Duration) -> Option<File> {
    let (got, wait) = mpsc::sync_channel(0);
    let waiter = move || {
        if file.lock().is_ok() {
            // An error means that nobody waits any more; the file, and with it the lock, is dropped here.
            let _ = got.send(file);
        }
    };
    std::thread::Builder::new().name("store-lock".to_owned()).spawn(waiter).ok()?;
    wait.recv_timeout(patience).ok()
}

fn sign(file: &File) -> io::Result<()> {
    file.set_len(0)?;
    file.write_all_at(format!("{}\n", std::process::id()).as_bytes(), 0)
}

fn held(path: &Path) -> StoreError {
    let holder = std::fs::read_to_string(path).unwrap_or_default();
    let holder: String = holder.trim().chars().filter(char::is_ascii_digit).take(10).collect();
    let holder = if holder.is_empty() { "another process".to_owned() } else { format!("process {holder}") };
    let directory = path.parent().unwrap_or(path).display();
    StoreError::Unavailable(format!(
        "{directory} is in use by {holder}. Nothing was changed. Stop that process, or give this one its own directory."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_with_the_pid_and_the_next_one_waits_for_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let first = Lock::acquire(&path, Duration::ZERO).unwrap();
        let refused = Lock::acquire(&path, Duration::from_millis(10)).unwrap_err();
        assert!(refused.to_string().contains(&format!("process {}", std::process::id())), "{refused}");
        let next = std::thread::spawn(move || Lock::acquire(&path, Duration::from_mins(1)));
        drop(first);
        assert!(next.join().unwrap().is_ok());
    }
}
