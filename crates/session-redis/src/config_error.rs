//! The errors of a configuration.

/// The reason why a [`RedisBackend`](crate::RedisBackend) can't be made.
///
/// Quotes nothing of the URL but the name of a parameter, because a URL may hold a password.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedisConfigError {
    /// The URL is malformed, or its scheme is none that is known.
    #[error("the url of redis is malformed, or its scheme is unknown")]
    Url,
    /// The URL has a parameter that is unknown, or that has no meaning for its scheme.
    #[error("the url of redis has the parameter `{name}`, which is unknown for its scheme")]
    UnknownParameter {
        /// The name of the parameter.
        name: Box<str>,
    },
    /// The URL lacks a parameter, or has a malformed one, or gives it twice.
    #[error("the parameter `{name}` of the redis url is missing, malformed or given twice")]
    InvalidParameter {
        /// The name of the parameter.
        name: Box<str>,
    },
    /// The URL of a Cluster names a database.
    #[error("the url of a redis cluster names a database, and a cluster has only database 0")]
    ClusterDatabase,
    /// The URL asks for TLS, and this crate was compiled without it.
    #[error("the url of redis asks for tls: enable the feature `tls` of session-redis")]
    TlsNotCompiled,
    /// The URL asks for TLS, and there is no root certificate to trust.
    #[error("no usable root certificates for tls")]
    Certificates,
    /// The client certificate is malformed, or its private key is not the one that belongs to it.
    #[error("the client certificate for tls or its private key is not usable")]
    ClientCertificate,
}

/// Prints the sentence, because `fn main() -> Result<(), RedisConfigError>` prints `Debug`.
impl std::fmt::Debug for RedisConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}
