//! The reasons why a backend can't be made.

use std::fmt;

/// An error in the settings of a [`SqlBackend`](crate::SqlBackend). It quotes only the name of a parameter from the
/// URL, because a URL may hold a password.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SqlConfigError {
    /// The URL is malformed, or its scheme is not one of `sqlite`, `postgres`, `postgresql`, `mysql` and `mariadb`.
    #[error("the url of the database is malformed, or its scheme is unknown")]
    Url,
    /// The URL has a parameter that is unknown.
    #[error("the url of the database has the unknown parameter {name:?}")]
    Parameter {
        /// The name of the parameter.
        name: Box<str>,
    },
    /// The feature of the URL's kind of database is not enabled.
    #[error("the kind of database in the url needs the feature `{feature}` of session-sql")]
    NotCompiled {
        /// The feature to enable.
        feature: &'static str,
    },
    /// The URL asks for TLS, and this crate was compiled without it.
    #[error("the url of the database asks for tls: enable the feature `tls` of session-sql")]
    TlsNotCompiled,
    /// The URL names an SQLite database in memory, which connections do not share.
    #[error("an sqlite database in memory is not shared: use a file, or the memory backend of session-core")]
    InMemory,
    /// The name of the table does not consist of 1 to 48 letters, digits and underscores, with an optional schema
    /// before it.
    #[error(
        "the name of the table must have 1 to 48 letters, digits and underscores, and may follow a schema and a dot"
    )]
    Table,
}

/// Prints the same sentence as `Display`, because `fn main() -> Result<(), SqlConfigError>` prints `Debug`.
impl fmt::Debug for SqlConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
