//! The daemon under `strace`, which counts its syncs. Not here: what they are compared with.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A daemon and its tracer.
pub struct Traced {
    tracer: Child,
    summary: PathBuf,
}

impl Traced {
    /// Starts the program with these arguments; none where there is no `strace`.
    pub fn start(program: &str, arguments: &[&str], summary: PathBuf, log: std::fs::File) -> Option<Self> {
        let tracer = Command::new("strace")
            .args(["-f", "--seccomp-bpf", "-c", "-e", "trace=fsync,fdatasync,sync_file_range,msync", "-o"])
            .arg(&summary)
            .arg(program)
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        Some(Self { tracer: tracer.ok()?, summary })
    }

    /// Stops the daemon in good order; answers how many syncs it made.
    pub fn end(mut self) -> u64 {
        let tracer = self.tracer.id();
        let children =
            std::fs::read_to_string(format!("/proc/{tracer}/task/{tracer}/children")).unwrap_or_default();
        for child in children.split_whitespace() {
            crate::fixture::process::signal(child, "TERM");
        }
        self.tracer.wait().expect("a child of this process");
        let text = std::fs::read_to_string(&self.summary).unwrap_or_default();
        text.lines().filter_map(calls).sum()
    }
}

/// The calls of a line of `strace -c`: share, seconds, microseconds a call, calls, perhaps errors, name.
fn calls(line: &str) -> Option<u64> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let is_sync = fields.last().is_some_and(|name| name.contains("sync"));
    if is_sync { fields.get(3)?.parse().ok() } else { None }
}

impl Drop for Traced {
    fn drop(&mut self) {
        let _ = self.tracer.kill();
        let _ = self.tracer.wait();
    }
}
