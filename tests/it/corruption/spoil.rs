//! Spoiling a store's files, each time in one place. Not here: what the store has to make of it.

use crate::fixture::seed;
use fastrand::Rng;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What a disk reads and writes as one, and what a file system does.
const SECTOR: usize = 512;
const PAGE: usize = 4096;

/// A folder of a store.
pub struct Folder(pub PathBuf);

/// What was done, for the message of a failing test.
#[derive(Clone, Debug)]
pub struct Spoiled(String);

impl fmt::Display for Spoiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The chances of this run.
pub fn chance() -> Rng {
    Rng::with_seed(seed::asked_for().unwrap_or_else(|| 20_261_126 + seed::after()))
}

/// In memory where the system has that: hundreds of openings, each with its syncs, are too much for a busy disk.
pub fn scratch() -> TempDir {
    let in_memory = Path::new("/dev/shm");
    let base = if in_memory.is_dir() { in_memory.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("carepass-it-").tempdir_in(base).expect("a temporary folder")
}

pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for file in fs::read_dir(from).expect("a folder") {
        let file = file.expect("a file");
        let target = to.join(file.file_name());
        if file.path().is_dir() {
            copy_folder(&file.path(), &target);
        } else {
            fs::copy(file.path(), target).expect("a copy");
        }
    }
}

/// Spoils the ledger: a file of it, or all. Every kind comes again and again; each time something is lost or changed.
pub fn ledger(root: &Path, yesterday: &Folder, stranger: &Folder, round: usize, chance: &mut Rng) -> Spoiled {
    let (directory, files) = (root.join("ledger"), ledger_files(root));
    let (first, last) = (&files[0], files.last().expect("a ledger"));
    let whole = |path: &Path| fs::read(path).expect("a ledger");
    let exchange = |folder: &Folder| {
        fs::remove_dir_all(&directory).expect("a ledger");
        copy_folder(&folder.0.join("ledger"), &directory);
    };
    let how = match round {
        0 => {
            exchange(yesterday);
            "yesterday's copy".to_owned()
        }
        1 => {
            exchange(stranger);
            "another store's".to_owned()
        }
        2 => written(first, &[], "nothing in the first file"),
        3 => written(first, &replaced(&whole(first), b"\"version\":1", b"\"version\":2"), "from the future"),
        4 => {
            fs::remove_file(first).expect("a ledger");
            "the first file removed".to_owned()
        }
        5 => {
            fs::remove_dir_all(&directory).expect("a ledger");
            "the folder is removed".to_owned()
        }
        6 => {
            fs::remove_file(&files[files.len() / 2]).expect("a ledger");
            "a file in the middle removed".to_owned()
        }
        7 => {
            fs::remove_file(last).expect("a ledger");
            "the last file removed".to_owned()
        }
        8 => {
            let (one, two) = (whole(&files[1]), whole(&files[2]));
            fs::write(&files[1], two).expect("a ledger");
            written(&files[2], &one, "two files exchanged")
        }
        9 => {
            let old = ledger_files(&yesterday.0);
            let stale = old.last().expect("a ledger");
            let name = stale.file_name().expect("a name");
            written(&directory.join(name), &whole(stale), "a file of yesterday's")
        }
        _ => {
            let path = &files[chance.usize(..files.len())];
            let (how, bytes) = damaged(&whole(path), round, chance);
            assert!(bytes != whole(path), "{how}: nothing was spoiled");
            written(path, &bytes, &how)
        }
    };
    Spoiled(format!("ledger: {how}"))
}

fn written(path: &Path, bytes: &[u8], how: &str) -> String {
    fs::write(path, bytes).expect("a file");
    format!("{}: {how}", path.file_name().expect("a name").to_string_lossy())
}

/// The files of a ledger, the first first.
pub fn ledger_files(root: &Path) -> Vec<PathBuf> {
    let Ok(files) = fs::read_dir(root.join("ledger")) else { return Vec::new() };
    let files = files.map(|file| file.expect("a file").path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect();
    files.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    files
}

/// Spoils the index: a file of it, or all.
pub fn index(root: &Path, yesterday: &Folder, round: usize, chance: &mut Rng) -> Spoiled {
    let directory = root.join("index");
    let how = match round {
        0 => {
            fs::remove_dir_all(&directory).expect("an index");
            copy_folder(&yesterday.0.join("index"), &directory);
            "yesterday's copy".to_owned()
        }
        1 => {
            fs::remove_dir_all(&directory).expect("an index");
            fs::create_dir(&directory).expect("a folder");
            "an empty folder".to_owned()
        }
        2..=4 => exchanged(&directory, &yesterday.0.join("index"), round),
        _ => {
            let files = files_in(&directory);
            let path = &files[chance.usize(..files.len())];
            let whole = fs::read(path).expect("a file");
            let (how, bytes) = damaged_used(&whole, round, chance);
            fs::write(path, bytes).expect("a file");
            format!("{}: {how}", path.display())
        }
    };
    Spoiled(format!("index: {how}"))
}

/// Spoils one data key, and names its engineer.
pub fn key(root: &Path, yesterday: &Folder, round: usize, chance: &mut Rng) -> (Spoiled, String) {
    let files = files_in(&root.join("keys"));
    let path = &files[chance.usize(..files.len())];
    let other = files.iter().find(|file| *file != path).expect("more than one");
    let whole = fs::read(path).expect("a key");
    let (how, bytes) = match round {
        0 => ("somebody else's".to_owned(), fs::read(other).expect("a key")),
        1 => ("yesterday's of somebody else".to_owned(), {
            fs::read(
                files_in(&yesterday.0.join("keys"))
                    .iter()
                    .find(|file| file.file_name() != path.file_name())
                    .expect("more"),
            )
            .expect("a key")
        }),
        2 => ("nothing in it".to_owned(), Vec::new()),
        _ => damaged(&whole, round, chance),
    };
    fs::write(path, bytes).expect("a key");
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    let digits: Vec<u8> = name.bytes().collect();
    let engineer = digits.chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).expect("digits");
        char::from(u8::from_str_radix(pair, 16).expect("digits"))
    });
    (Spoiled(format!("key: {how}")), engineer.collect())
}

/// A flipped bit, a zeroed sector or page, a cut, or a part that is gone, doubled or exchanged with the next.
fn damaged(whole: &[u8], round: usize, chance: &mut Rng) -> (String, Vec<u8>) {
    let mut bytes = whole.to_vec();
    let at = chance.usize(..whole.len());
    let block = |size: usize| (at / size * size, whole.len().min(at / size * size + size));
    let how = match round % 8 {
        0..=2 => {
            let bit = chance.u32(..8);
            bytes[at] ^= 1 << bit;
            format!("bit {bit} of byte {at} flipped")
        }
        3 => zeroed(&mut bytes, block(SECTOR)),
        4 => zeroed(&mut bytes, block(PAGE)),
        5 => {
            bytes.truncate(at);
            format!("cut at {at}")
        }
        6 => {
            let (from, to) = block(SECTOR);
            bytes.drain(from..to);
            format!("bytes {from} to {to} gone")
        }
        _ => {
            // What is doubled behind the end is cut like a torn frame, and nothing is lost by it.
            let at = at.min(whole.len().saturating_sub(2 * SECTOR));
            let (from, to) = (at / SECTOR * SECTOR, whole.len().min(at / SECTOR * SECTOR + SECTOR));
            let doubled = whole[from..to].to_vec();
            bytes.splice(to..to, doubled);
            format!("bytes {from} to {to} doubled")
        }
    };
    (how, bytes)
}

/// The same, where the file holds something: the log of a small index is mostly zeros.
fn damaged_used(whole: &[u8], round: usize, chance: &mut Rng) -> (String, Vec<u8>) {
    let used: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
    let Some(last) = used.last() else { return ("a file without content".to_owned(), whole.to_vec()) };
    if round % 8 > 2 {
        let (how, mut bytes) = damaged(&whole[..=*last], round, chance);
        if round % 8 != 5 {
            bytes.extend(&whole[last + 1..]);
        }
        return (how, bytes);
    }
    let (at, bit) = (used[chance.usize(..used.len())], chance.u32(..8));
    let mut bytes = whole.to_vec();
    bytes[at] ^= 1 << bit;
    (format!("bit {bit} of byte {at} flipped"), bytes)
}

fn zeroed(bytes: &mut [u8], (from, to): (usize, usize)) -> String {
    bytes[from..to].fill(0);
    format!("bytes {from} to {to} zeroed")
}

/// Files of yesterday's index among those of today's: each in turn, or two of today's exchanged.
fn exchanged(directory: &Path, old: &Path, round: usize) -> String {
    let files = files_in(directory);
    let file = &files[round % files.len()];
    let name = file.file_name().expect("a name");
    if old.join(name).exists() && round < 4 {
        fs::copy(old.join(name), file).expect("a copy");
        return format!("yesterday's {}", name.to_string_lossy());
    }
    let other = &files[(round + 1) % files.len()];
    let (one, two) = (fs::read(file).expect("a file"), fs::read(other).expect("a file"));
    fs::write(file, two).expect("a file");
    fs::write(other, one).expect("a file");
    format!("{} and {} exchanged", file.display(), other.display())
}

fn files_in(directory: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(directory).expect("a folder").map(|file| file.expect("a file").path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.is_file() && path.metadata().expect("a file").len() > 0).collect();
    files.sort();
    files
}

fn replaced(whole: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let at = whole.windows(old.len()).position(|window| window == old).expect("what is replaced");
    let mut bytes = whole.to_vec();
    bytes[at..at + old.len()].copy_from_slice(new);
    bytes
}
