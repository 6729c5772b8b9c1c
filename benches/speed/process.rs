//! What the kernel knows of a process: CPU, memory, what it wrote; and a helper's end with whoever started it. Not here: starting one.

use std::fs;
use std::io::Read as _;
use std::path::Path;

/// A tick of `/proc/<pid>/stat` in seconds: 100 a second on every Linux that there is (`USER_HZ`).
const TICK: f64 = 0.01;

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// CPU of the process and of its ended children, in seconds.
    pub cpu: f64,
    /// The most resident memory it has had, in MiB.
    pub peak_mib: f64,
}

/// Reads it; nothing of a process that is gone.
pub fn usage(id: u32) -> Usage {
    let read = |file: &str| fs::read_to_string(format!("/proc/{id}/{file}")).unwrap_or_default();
    let (stat, status) = (read("stat"), read("status"));
    // The name of the program, in brackets, may hold spaces.
    let fields: Vec<&str> =
        stat.rsplit_once(')').map_or(Vec::new(), |(_, rest)| rest.split_whitespace().collect());
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    let mib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line
            .and_then(|line| line.trim().strip_suffix(" kB"))
            .and_then(|text| text.trim().parse::<f64>().ok());
        kib.unwrap_or(0.0) / 1024.0
    };
    // utime, stime, cutime, cstime are fields 14 to 17, of which the first two stand before the bracket.
    let cpu = (11..15).map(ticks).sum::<f64>() * TICK;
    Usage { cpu, peak_mib: mib("VmHWM:") }
}

/// The bytes that the files below a folder take on the disk.
pub fn bytes_below(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_below(&entry.path()),
        Ok(found) => found.blocks() * 512,
        Err(_) => 0,
    };
    entries.flatten().map(of).sum()
}

/// Ends when standard input does: whoever started this process holds the other end, and is gone then, however it went.
pub async fn orphaned() {
    let _ = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await;
}
