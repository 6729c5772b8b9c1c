//! What a process with secrets in its memory owes them: no core dump, and no other process of the same user that looks into it. Not here:
//! what the service manager adds (`deploy/carepass.service`), and root, who may do anything.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use std::io;

/// Closes this process's memory. A kernel that writes cores through a program heeds no limit, and a limit survives where the behaviour is
/// reset: so both are set.
///
/// # Errors
/// What the kernel says; then no secret should be read.
pub fn close_memory() -> io::Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_closed() {
        close_memory().unwrap();
        assert_eq!(rustix::process::dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        let limit = rustix::process::getrlimit(Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
    }
}
