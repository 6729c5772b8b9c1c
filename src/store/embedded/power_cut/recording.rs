//! What a process did with the files of a store, read from the log of strace: every call that changes a file, a name or what is on
//! disk, with when it began and when it had ended. A call on the store's files that is not known here fails the test, so nothing that
//! the store or sled does is overlooked. Not here: what of it survives a power cut (`disk`).

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

/// One call that counts.
#[derive(Debug)]
pub struct Event {
    /// When it began, as a line of the log.
    pub begun: usize,
    /// When it had ended.
    pub ended: usize,
    /// What it was.
    pub act: Act,
}

/// What a call did. Files go by a number that they keep when they are renamed.
#[derive(Debug)]
pub enum Act {
    Create(PathBuf, usize),
    MakeDirectory(PathBuf),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    Write(usize, u64, Vec<u8>),
    SetLength(usize, u64),
    SyncFile(usize),
    SyncDirectory(PathBuf),
    /// A sync that failed, with what it was to be of.
    Failed(Box<Self>),
    /// The writing process has heard that this commit is at this position.
    Acknowledged(u64, u64),
}

/// An open descriptor.
enum Open {
    File { number: usize, position: u64 },
    Directory(PathBuf),
    Acknowledgements,
}

/// Reads a log. `root` is the store's directory and `acknowledged` the file that answers are written to.
pub fn read(log: &str, root: &Path, acknowledged: &Path) -> Vec<Event> {
    let mut reader = Reader {
        root: root.to_owned(),
        acknowledged: acknowledged.to_owned(),
        open: BTreeMap::new(),
        names: BTreeMap::new(),
        files: 0,
        events: Vec::new(),
    };
    let mut begun: BTreeMap<&str, (usize, String)> = BTreeMap::new();
    for (line, text) in log.lines().enumerate() {
        let Some((process, text)) = text.split_once(' ') else { continue };
        let text = text.trim_start();
        if let Some(head) = text.strip_suffix("<unfinished ...>") {
            if head.starts_with("close(") {
                // Before it has ended another thread may have got the same number.
                reader.call(line, line, &format!("{}) = 0", head.trim_end().trim_end_matches(')')));
            } else {
                begun.insert(process, (line, head.trim_end().to_owned()));
            }
        } else if let Some((_, rest)) =
            text.strip_prefix("<... ").and_then(|text| text.split_once("resumed>"))
        {
            let Some((start, head)) = begun.remove(process) else { continue };
            reader.call(start, line, &(head + rest));
        } else if !text.starts_with(['+', '-']) {
            reader.call(line, line, text);
        }
    }
    reader.events
}

struct Reader {
    root: PathBuf,
    acknowledged: PathBuf,
    open: BTreeMap<i64, Open>,
    /// Which file has a name now, under the root.
    names: BTreeMap<PathBuf, usize>,
    files: usize,
    events: Vec<Event>,
}

impl Reader {
    fn call(&mut self, begun: usize, ended: usize, text: &str) {
        let (name, rest) = text.split_once('(').unwrap_or_else(|| panic!("no call: {text:.200}"));
        let (arguments, answer) = rest.rsplit_once(" = ").unwrap_or_else(|| panic!("no answer: {text:.200}"));
        let mut arguments = split(arguments.trim_end().trim_end_matches(')'));
        let Some(answer) = number(answer).filter(|answer| *answer >= 0) else {
            if name == "fsync" || name == "fdatasync" {
                let synced = self.synced(arguments[0].number()).into_iter();
                self.events.extend(synced.map(|act| Event { begun, ended, act: Act::Failed(Box::new(act)) }));
            }
            return;
        };
        for act in self.acts(name, &mut arguments, answer) {
            self.events.push(Event { begun, ended, act });
        }
    }

    fn acts(&mut self, name: &str, arguments: &mut VecDeque<Argument>, answer: i64) -> Vec<Act> {
        let first = arguments.front().map_or(-1, Argument::number);
        assert!(
            name != "mmap" || !self.open.contains_key(&arguments[4].number()),
            "the recording does not know mmap, which was called on the store"
        );
        match name {
            "openat" => return self.opened(&self.at(first, &arguments[1]), &arguments[2].0, answer),
            "close" => drop(self.open.remove(&first)),
            "fcntl" if arguments[1].0.starts_with("F_DUPFD") => {
                let same = match self.open.get(&first) {
                    Some(Open::File { number, position }) => {
                        Some(Open::File { number: *number, position: *position })
                    }
                    Some(Open::Directory(path)) => Some(Open::Directory(path.clone())),
                    Some(Open::Acknowledgements) | None => None,
                };
                self.open.extend(same.map(|same| (answer, same)));
            }
            "mkdir" => return self.made(&arguments[0].path()),
            "mkdirat" => return self.made(&self.at(first, &arguments[1])),
            "unlink" | "rmdir" => return self.removed(&arguments[0].path()),
            "unlinkat" => return self.removed(&self.at(first, &arguments[1])),
            "rename" => return self.renamed(&arguments[0].path(), &arguments[1].path()),
            "renameat" | "renameat2" => {
                let to = self.at(arguments[2].number(), &arguments[3]);
                return self.renamed(&self.at(first, &arguments[1]), &to);
            }
            "write" => return self.written(first, &arguments[1], answer),
            "pwrite64" => {
                let offset = arguments[3].number().unsigned_abs();
                let bytes = arguments[1].bytes();
                assert_eq!(i64::try_from(bytes.len()), Ok(answer), "a write of a part");
                return self.file(first).map(|file| Act::Write(file, offset, bytes)).into_iter().collect();
            }
            "ftruncate" => {
                let length = arguments[1].number().unsigned_abs();
                return self.file(first).map(|file| Act::SetLength(file, length)).into_iter().collect();
            }
            "fsync" | "fdatasync" => return self.synced(first),
            // Moves a file's own position, which only `write` of a draft uses, from its beginning.
            "read" | "lseek" | "pread64" | "fstat" | "statx" | "newfstatat" | "flock" | "fcntl"
            | "access" | "faccessat2" | "getdents64" | "readlink" | "fadvise64" | "ioctl" | "execve"
            | "getcwd"
            // Measured: it brings neither lengths nor names to disk and asks no device to flush. It counts for nothing.
            | "sync_file_range" => {}
            _ => {
                let on_store = self.open.contains_key(&first)
                    || arguments.iter().any(|argument| self.under(&argument.path()).is_some());
                assert!(!on_store, "the recording does not know {name}, which was called on the store");
            }
        }
        Vec::new()
    }

    fn opened(&mut self, path: &Path, flags: &str, descriptor: i64) -> Vec<Act> {
        if path == self.acknowledged {
            self.open.insert(descriptor, Open::Acknowledgements);
            return Vec::new();
        }
        let Some(path) = self.under(path) else { return Vec::new() };
        if flags.contains("O_DIRECTORY") || path.as_os_str().is_empty() {
            self.open.insert(descriptor, Open::Directory(path));
            return Vec::new();
        }
        let mut acts = Vec::new();
        let known = self.names.get(&path).copied();
        if known.is_none() && !flags.contains("O_CREAT") {
            // A directory that is opened in order to be synced.
            self.open.insert(descriptor, Open::Directory(path));
            return acts;
        }
        let number = known.unwrap_or_else(|| {
            self.files += 1;
            acts.push(Act::Create(path.clone(), self.files));
            self.names.insert(path, self.files);
            self.files
        });
        if flags.contains("O_TRUNC") {
            acts.push(Act::SetLength(number, 0));
        }
        self.open.insert(descriptor, Open::File { number, position: 0 });
        acts
    }

    fn made(&self, path: &Path) -> Vec<Act> {
        self.under(path).map(Act::MakeDirectory).into_iter().collect()
    }

    fn removed(&mut self, path: &Path) -> Vec<Act> {
        let Some(path) = self.under(path) else { return Vec::new() };
        self.names.remove(&path);
        vec![Act::Remove(path)]
    }

    fn renamed(&mut self, from: &Path, to: &Path) -> Vec<Act> {
        let (Some(from), Some(to)) = (self.under(from), self.under(to)) else { return Vec::new() };
        let moved: Vec<PathBuf> = self.names.keys().filter(|name| name.starts_with(&from)).cloned().collect();
        for name in moved {
            let number = self.names.remove(&name).expect("it was just there");
            let rest = name.strip_prefix(&from).expect("it begins with it");
            let name = if rest.as_os_str().is_empty() { to.clone() } else { to.join(rest) };
            self.names.insert(name, number);
        }
        vec![Act::Rename(from, to)]
    }

    fn written(&mut self, descriptor: i64, bytes: &Argument, answer: i64) -> Vec<Act> {
        match self.open.get_mut(&descriptor) {
            Some(Open::File { number, position }) => {
                let bytes = bytes.bytes();
                assert_eq!(i64::try_from(bytes.len()), Ok(answer), "a write of a part");
                let offset = *position;
                *position += bytes.len() as u64;
                vec![Act::Write(*number, offset, bytes)]
            }
            Some(Open::Acknowledgements) => {
                let text = String::from_utf8(bytes.bytes()).unwrap();
                let (commit, position) = text.trim().split_once(' ').unwrap();
                vec![Act::Acknowledged(commit.parse().unwrap(), position.parse().unwrap())]
            }
            Some(Open::Directory(_)) | None => Vec::new(),
        }
    }

    fn synced(&self, descriptor: i64) -> Vec<Act> {
        match self.open.get(&descriptor) {
            Some(Open::File { number, .. }) => vec![Act::SyncFile(*number)],
            Some(Open::Directory(path)) => vec![Act::SyncDirectory(path.clone())],
            Some(Open::Acknowledgements) | None => Vec::new(),
        }
    }

    fn file(&self, descriptor: i64) -> Option<usize> {
        if let Some(Open::File { number, .. }) = self.open.get(&descriptor) { Some(*number) } else { None }
    }

    /// A path that may be meant from an open directory on.
    fn at(&self, directory: i64, path: &Argument) -> PathBuf {
        match self.open.get(&directory) {
            Some(Open::Directory(directory)) => self.root.join(directory).join(path.path()),
            Some(Open::File { .. } | Open::Acknowledgements) | None => path.path(),
        }
    }

    fn under(&self, path: &Path) -> Option<PathBuf> {
        path.strip_prefix(&self.root).ok().map(Path::to_owned)
    }
}

/// An argument as strace writes it.
struct Argument(String);

impl Argument {
    fn number(&self) -> i64 {
        number(&self.0).unwrap_or(-1)
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(String::from_utf8(self.bytes()).unwrap_or_default())
    }

    /// The text between the quotes; with `-xx` each byte of it is `\x` and two digits.
    fn bytes(&self) -> Vec<u8> {
        let Some(quoted) = self.0.trim().strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
            return Vec::new();
        };
        let mut bytes = Vec::with_capacity(quoted.len() / 4);
        for byte in quoted.as_bytes().chunks_exact(4) {
            let digits = std::str::from_utf8(&byte[2..]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
        }
        bytes
    }
}

fn number(text: &str) -> Option<i64> {
    let text = text.trim();
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '-').unwrap_or(text.len());
    text[..end].parse().ok()
}

/// Quoted text is hexadecimal, so a comma is always one between arguments or within a structure that nobody reads.
fn split(arguments: &str) -> VecDeque<Argument> {
    arguments.split(", ").map(|argument| Argument(argument.to_owned())).collect()
}
