//! The errors of a configuration.

/// The reason why a [`RedisBackend`](crate::RedisBackend) can't be made.
///
/// The error quotes only the name of a parameter from the URL, because a URL may hold a password.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedisConfigError {
    /// The URL is malformed, or its scheme is unknown.
    #[error("the url of redis is malformed, or its scheme is unknown")]
    Url,
    /// The URL has a parameter that is unknown, or that has no meaning for its scheme.
    #[error("the url of redis has the parameter `{name}`, which is unknown for its scheme")]
    UnknownParameter {
        /// The name of the parameter.
        name: Box<str>,
    },
    /// The URL lacks a required parameter, or has one that is malformed or given twice.
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
    /// The client certificate is malformed, or the private key does not belong to it.
    #[error("the client certificate for tls or its private key is not usable")]
    ClientCertificate,
}

/// Prints the sentence, because `fn main() -> Result<(), RedisConfigError>` prints `Debug`.
impl std::fmt::Debug for RedisConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}
