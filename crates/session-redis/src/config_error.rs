//! The errors of a configuration.

/// Why a [`RedisBackend`](crate::RedisBackend) can't be made. Quotes nothing of the URL, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedisConfigError {
    /// The URL is malformed, or its scheme is none that is known.
    #[error("the url of redis is malformed, or its scheme is unknown")]
    Url,
    /// The URL asks for TLS, and this crate was compiled without it.
    #[error("the url of redis asks for tls: enable the feature `tls` of session-redis")]
    TlsNotCompiled,
    /// The URL asks for TLS, and there is no root certificate to trust.
    #[error("no usable root certificates for tls")]
    Certificates,
}
