//! The errors of settings that were read.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A rule that settings break. Names the setting and the rule; never prints a secret.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// There is no setting of this name.
    #[error("unknown setting `{name}`{}", did_you_mean(*similar))]
    UnknownSetting {
        /// The name as it was given.
        name: String,
        /// A known name that differs little.
        similar: Option<&'static str>,
    },
    /// A value has another form than its setting.
    #[error("{name} is {given}, must be {rule}")]
    Value {
        /// The name as it was given.
        name: String,
        /// The value; of a secret, its kind only.
        given: String,
        /// The form that it must have.
        rule: String,
    },
    /// The file of a secret can't be read.
    #[error("{name} names {}, which can't be read", file.display())]
    SecretFile {
        /// The name as it was given.
        name: String,
        /// The file.
        file: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The file of a secret has no line with a secret.
    #[error("{name} names {}, which holds no secret: write one per line", file.display())]
    EmptySecretFile {
        /// The name as it was given.
        name: String,
        /// The file.
        file: PathBuf,
    },
    /// Nothing names a secret.
    #[error("no secret: set `secret_file` or `secret`")]
    NoSecret,
    /// Two settings exclude each other.
    #[error("{one} and {other} exclude each other")]
    Together {
        /// The first one.
        one: &'static str,
        /// The other one.
        other: &'static str,
    },
    /// One of two settings that belong together is missing.
    #[error("{one} and {other} belong together, and only one is set")]
    Apart {
        /// The first one.
        one: &'static str,
        /// The other one.
        other: &'static str,
    },
}

/// Prints the sentence, because `fn main() -> Result<(), SettingsError>` prints `Debug`.
impl fmt::Debug for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        match self {
            Self::SecretFile { source, .. } => write!(f, ": {source}"),
            _ => Ok(()),
        }
    }
}

fn did_you_mean(similar: Option<&str>) -> String {
    similar.map(|name| format!(", did you mean `{name}`?")).unwrap_or_default()
}
