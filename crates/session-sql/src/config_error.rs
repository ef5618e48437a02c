//! The reasons why a backend can't be made.

use std::fmt;

/// An error in the settings of a [`SqlBackend`](crate::SqlBackend). Quotes nothing of the URL, which may hold a password.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SqlConfigError {
    /// The URL is malformed, or its scheme is none of `sqlite`, `postgres`, `postgresql`, `mysql` and `mariadb`.
    #[error("the url of the database is malformed, or its scheme is unknown")]
    Url,
    /// The URL has a parameter that is unknown.
    #[error("the url of the database has the unknown parameter {name:?}")]
    Parameter {
        /// The name of the parameter.
        name: Box<str>,
    },
    /// The kind of database that the URL names was not compiled.
    #[error("the database of the url is not compiled: enable the feature `{feature}` of session-sql")]
    NotCompiled {
        /// The feature to enable.
        feature: &'static str,
    },
    /// The URL asks for TLS, and this crate was compiled without it.
    #[error("the url of the database asks for tls: enable the feature `tls` of session-sql")]
    TlsNotCompiled,
    /// The URL names an SQLite database in memory, which each connection would have for itself.
    #[error("an sqlite database in memory is not shared: use a file, or the memory backend of session-core")]
    InMemory,
    /// The name of the table is not made of at most 48 letters, digits and underscores, perhaps behind that of a schema.
    #[error("the name of the table is not usable")]
    Table,
}

/// Prints the sentence, because `fn main() -> Result<(), SqlConfigError>` prints `Debug`.
impl fmt::Debug for SqlConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
