//! Who may get at a file that holds a secret, told from its permission bits. One rule for all such files, so that what the
//! configuration lets through is not refused later. Not here: looking at the file.

/// What makes a file too open: the group changes or runs it, or everybody does anything with it. The group may read: that is how a
/// service gets at a file of root's, how Kubernetes mounts a secret (`fsGroup`), and how a credential of systemd shows, whose
/// access list stands in the place of the group's bits (acl(5)).
const TOO_OPEN: u32 = 0o037;

/// Whether a file with these permission bits is private enough to hold a secret.
pub const fn is_private(mode: u32) -> bool {
    mode & TOO_OPEN == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_may_read_and_nobody_else_may_do_anything() {
        for mode in [0o400, 0o440, 0o600, 0o640, 0o100_600] {
            assert!(is_private(mode), "{mode:o}");
        }
        for mode in [0o644, 0o660, 0o604, 0o602, 0o601, 0o620, 0o650, 0o777] {
            assert!(!is_private(mode), "{mode:o}");
        }
    }
}
