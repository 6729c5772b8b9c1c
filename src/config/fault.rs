//! Where a setting comes from, and what is wrong with it. A fault never repeats a value: it may be a secret. Not here: finding faults.

use std::fmt;
use std::path::PathBuf;

/// The layer that a setting comes from, weakest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The defaults inside the program.
    Default,
    /// A configuration file.
    File(PathBuf),
    /// A file of this name in `$CREDENTIALS_DIRECTORY` (systemd's `LoadCredential=`).
    Credential(String),
    /// This environment variable.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Credential(name) => write!(f, "credential {name}"),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// One thing that is wrong, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The layer that says it.
    pub origin: Origin,
    /// The key as that layer writes it; empty where the layer itself is the matter.
    pub key: String,
    /// What is so; what to do.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What nobody has said stands in no file.
        if self.origin != Origin::Default {
            write!(f, "{}: ", self.origin)?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.what)
    }
}

/// Everything that is wrong with a configuration, one line each. The exit code for it is 2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Faults(pub(super) Vec<Fault>);

impl Faults {
    /// The faults in the order in which the configuration is read; never empty.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Faults {
    type Item = &'a Fault;
    type IntoIter = std::slice::Iter<'a, Fault>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let end = if index + 1 == self.0.len() { "" } else { "\n" };
            write!(f, "{fault}{end}")?;
        }
        Ok(())
    }
}

/// Where one value stands: its layer, how strong that layer is, and its key there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The position of the layer; a higher one wins.
    pub rank: usize,
    /// The layer.
    pub origin: Origin,
    /// The key as the layer writes it, like `resellers[0].admin`.
    pub key: String,
}

impl Place {
    /// The place of another key beside this one.
    pub fn beside(&self, key: &str) -> Self {
        let key = match self.key.rsplit_once('.') {
            Some((section, _)) => format!("{section}.{key}"),
            None => key.to_owned(),
        };
        Self { key, ..self.clone() }
    }

    /// What is wrong here.
    pub fn fault(&self, what: impl Into<String>) -> Fault {
        Fault { origin: self.origin.clone(), key: self.key.clone(), what: what.into() }
    }
}
