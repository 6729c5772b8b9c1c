//! Directories and files as the store wants them: for the owner alone, and on disk when they are said to be there.
//! Not here: what the files hold.

use crate::planted::planted;
use crate::store::StoreError;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Makes a directory (mode 0700) that survives a power cut; an existing one is taken as it is.
pub fn make_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_directory(parent)?;
        DirBuilder::new().mode(0o700).create(path)?;
        return sync_directory(parent);
    }
    DirBuilder::new().mode(0o700).create(path)?;
    sync_directory(Path::new("."))
}

/// Whether there is nothing in a directory, or no directory.
pub fn is_empty(path: &Path) -> io::Result<bool> {
    match std::fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// The files of a directory, by name, without drafts. What goes away meanwhile is left out.
pub fn read_all(directory: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for file in std::fs::read_dir(directory)? {
        let path = file?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_some_and(|extension| extension == "draft") {
            continue;
        }
        match std::fs::read(&path) {
            Ok(bytes) => files.push((name, bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (),
            Err(error) => return Err(error),
        }
    }
    files.sort();
    Ok(files)
}

/// Brings the names in a directory to disk.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Whether the disk takes as much as the largest commit, and brings it down. What was written for that is gone again.
pub fn probe(directory: &Path) -> io::Result<()> {
    const SIZE: usize = 4 << 20;
    let path = directory.join("probe");
    let written = write_draft(&path, &vec![1; SIZE]).and_then(|file| file.sync_all());
    let removed = std::fs::remove_file(path);
    written.and(removed)
}

/// Opens a file for reading and writing, making it (mode 0600) if it is missing.
pub fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Writes a file under another name first, so that it is there as a whole or not at all. The caller syncs the directory.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = draft_of(path);
    write_draft(&draft, bytes)?.sync_all()?;
    std::fs::rename(draft, path)
}

/// Where a file lies until it is complete.
pub fn draft_of(path: &Path) -> PathBuf {
    path.with_extension("draft")
}

/// Writes a draft that nobody has synced yet.
pub fn write_draft(draft: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(draft)?;
    io::Write::write_all(&mut file, bytes)?;
    Ok(file)
}

/// Brings files to disk; many at a time, because the file system then needs fewer writes of its own.
pub fn sync_together(files: &[File]) -> io::Result<()> {
    const THREADS: usize = 16;
    let share = files.len().div_ceil(THREADS).max(1);
    let sync = |files: &[File]| files.iter().try_for_each(File::sync_all);
    if files.len() <= 1 {
        return sync(files);
    }
    std::thread::scope(|scope| {
        let running: Vec<_> = files.chunks(share).map(|files| scope.spawn(move || sync(files))).collect();
        running
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| io::Error::other("a sync panicked"))?)
    })
}

/// Writes whole files into a directory and answers when they are on disk. All drafts are written before the first sync, and several
/// threads sync, so that the file system can bring them down together.
pub fn write_together(directory: &Path, files: impl Iterator<Item = (PathBuf, Vec<u8>)>) -> io::Result<()> {
    let (mut drafts, mut paths) = (Vec::new(), Vec::new());
    for (path, bytes) in files {
        drafts.push(write_draft(&draft_of(&path), &bytes)?);
        paths.push(path);
    }
    if drafts.is_empty() {
        return Ok(());
    }
    sync_together(&drafts)?;
    for path in paths {
        std::fs::rename(draft_of(&path), path)?;
    }
    if planted!(NamesNotSynced) {
        return Ok(());
    }
    sync_directory(directory)
}

/// Removes files of a directory, where they are there, and answers when that is on disk.
pub fn remove_together(directory: &Path, paths: impl Iterator<Item = PathBuf>) -> io::Result<()> {
    let mut removed = false;
    for path in paths {
        match std::fs::remove_file(path) {
            Ok(()) => removed = true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => (),
            Err(error) => return Err(error),
        }
    }
    if removed { sync_directory(directory) } else { Ok(()) }
}

/// Says which file or directory could not be used, and why.
pub fn unavailable(path: &Path) -> impl Fn(io::Error) -> StoreError + '_ {
    move |error| StoreError::Unavailable(format!("{}: {error}", path.display()))
}
