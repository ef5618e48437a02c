//! The settings of a [`RedisBackend`].

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use fred::types::config::Config;
#[cfg(feature = "fred-10")]
use fred::{
    clients::{Client, Pool},
    interfaces::ClientLike,
};
use session_backend_support::CallTimeout;
use session_core::SessionCodec;

use super::RedisBackend;
use crate::cluster::Cluster;
use crate::config_error::RedisConfigError;
use crate::format::Format;
use crate::node::Node;
use crate::servers::Servers;
use crate::settings::Settings;
use crate::store::Store;
#[cfg(feature = "tls")]
use crate::tls::{Certificates, ClientPem, Roots};
use crate::url::Target;

/// The longest timeout. A much longer one would overflow the clock.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);

/// Builds a [`RedisBackend`].
///
/// ```
/// use std::time::Duration;
/// use session_redis::RedisBackend;
///
/// let backend = RedisBackend::builder().timeout(Duration::from_millis(100)).connect("redis://localhost/1")?;
/// # Ok::<(), session_redis::RedisConfigError>(())
/// ```
#[must_use = "a builder does nothing until it connects"]
pub struct RedisBackendBuilder {
    codec: Option<Arc<dyn SessionCodec>>,
    max_value_bytes: usize,
    timeout: Option<Duration>,
    breaker_threshold: u32,
    #[cfg(feature = "tls")]
    certificates: Certificates,
}

impl Default for RedisBackendBuilder {
    fn default() -> Self {
        Self {
            codec: None,
            max_value_bytes: 1024 * 1024,
            timeout: None,
            breaker_threshold: 5,
            #[cfg(feature = "tls")]
            certificates: Certificates::default(),
        }
    }
}

impl RedisBackendBuilder {
    /// Sets the codec for stored sessions. By default it is the codec of the configuration's
    /// [format](session_core::SessionConfigBuilder::format) or, without a format,
    /// [`JsonCodec`](session_core::JsonCodec), which any language can read.
    ///
    /// If the configuration's format has a codec, the configuration refuses a backend with its own codec.
    pub fn codec(mut self, codec: impl SessionCodec) -> Self {
        self.codec = Some(Arc::new(codec));
        self
    }

    /// Sets the longest value that is written or read, in bytes; default 1 MiB. A longer value is an error of the kind
    /// [`TooLarge`](session_core::BackendErrorKind::TooLarge).
    pub fn max_value_bytes(mut self, bytes: usize) -> Self {
        self.max_value_bytes = bytes;
        self
    }

    /// Sets the longest time of a call, including connecting; default the [request
    /// deadline](session_core::SessionConfigBuilder::request_deadline) of the manager. It is limited to the range from
    /// 1 ms to one hour.
    ///
    /// The request deadline also ends calls, so a longer timeout has no effect.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout.clamp(Duration::from_millis(1), LONGEST_TIMEOUT));
        self
    }

    /// Sets the number of calls in a row without an answer after which calls fail fast; default 5. 0 counts as 1.
    ///
    /// A background task then probes the server, and the first answer ends this state. Each Tokio runtime counts its
    /// own calls to each server.
    pub fn breaker_threshold(mut self, calls: u32) -> Self {
        self.breaker_threshold = calls;
        self
    }

    /// Sets the root certificates to trust for TLS, in DER format, instead of those of the operating system. Replaces
    /// roots that were set before.
    #[cfg(feature = "tls")]
    pub fn root_certificates(mut self, der: impl IntoIterator<Item = Vec<u8>>) -> Self {
        self.certificates.roots = Some(Roots::Der(der.into_iter().collect()));
        self
    }

    /// Sets the root certificates to trust for TLS, in PEM format, instead of those of the operating system. Replaces
    /// roots that were set before.
    #[cfg(feature = "tls")]
    pub fn root_certificates_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificates.roots = Some(Roots::Pem(pem.into()));
        self
    }

    /// Sets the certificate to present to servers that ask for one (mutual TLS): the chain and the private key, in PEM
    /// format.
    #[cfg(feature = "tls")]
    pub fn client_certificate_pem(mut self, certificates: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.certificates.client = Some(ClientPem { certificates: certificates.into(), key: key.into() });
        self
    }

    /// Makes a backend for a [URL](crate#urls). Does not wait for the server. Inside a Tokio runtime it starts to
    /// connect at once, otherwise with the first call.
    ///
    /// # Errors
    ///
    /// - [`Url`](RedisConfigError::Url) if the URL is malformed or its scheme is unknown.
    /// - [`UnknownParameter`](RedisConfigError::UnknownParameter) or [`InvalidParameter`](RedisConfigError::InvalidParameter)
    ///   if a parameter is unknown for the scheme, malformed, missing or given twice.
    /// - [`ClusterDatabase`](RedisConfigError::ClusterDatabase) if the URL of a Cluster names a database.
    /// - [`TlsNotCompiled`](RedisConfigError::TlsNotCompiled), [`Certificates`](RedisConfigError::Certificates) or
    ///   [`ClientCertificate`](RedisConfigError::ClientCertificate) if the URL asks for TLS, and the feature `tls` is
    ///   missing or the certificates can't be used.
    ///
    /// A server that does not answer is not an error here.
    pub fn connect(mut self, url: &str) -> Result<RedisBackend, RedisConfigError> {
        let Target { config, tls, timeout } = Target::parse(url)?;
        if let Some(timeout) = timeout {
            self = self.timeout(timeout);
        }
        let config = if tls { self.with_tls(config)? } else { config };
        let clustered = config.server.is_clustered();
        let timeout = CallTimeout::new(self.timeout);
        let settings = Settings { config, timeout: timeout.clone(), breaker_threshold: self.breaker_threshold };
        let servers = if clustered {
            Servers::Cluster(Cluster::new(settings))
        } else {
            Servers::Node { node: Node::new(settings), clustered: false }
        };
        Ok(self.build(servers, timeout))
    }

    /// Makes a backend on a client of the application; see [`Self::build_with_pool`].
    #[cfg(feature = "fred-10")]
    #[must_use]
    pub fn build_with_client(self, client: Client) -> RedisBackend {
        self.build_with_pool(pool_of(client))
    }

    /// Makes a backend on a pool of the application.
    ///
    /// The application must connect the pool and configure it to reconnect. The pool belongs to the Tokio runtime on
    /// which it was connected. If that runtime is blocked or has ended, calls from all runtimes fail.
    #[cfg(feature = "fred-10")]
    #[must_use]
    pub fn build_with_pool(self, pool: Pool) -> RedisBackend {
        let clustered = pool.is_clustered();
        let timeout = CallTimeout::new(self.timeout);
        let node = Node::external(pool, timeout.clone(), self.breaker_threshold);
        self.build(Servers::Node { node, clustered }, timeout)
    }

    #[cfg(feature = "tls")]
    fn with_tls(&self, mut config: Config) -> Result<Config, RedisConfigError> {
        config.tls = Some(self.certificates.connector()?);
        Ok(config)
    }

    #[cfg(not(feature = "tls"))]
    fn with_tls(&self, _: Config) -> Result<Config, RedisConfigError> {
        Err(RedisConfigError::TlsNotCompiled)
    }

    fn build(self, servers: Servers, timeout: CallTimeout) -> RedisBackend {
        let Self { codec, max_value_bytes, .. } = self;
        let format = Format::new(codec, max_value_bytes);
        RedisBackend { store: Arc::new(Store { servers, format, eviction_checked: AtomicBool::new(false) }), timeout }
    }
}

#[cfg(feature = "fred-10")]
fn pool_of(client: Client) -> Pool {
    Pool::from_clients(vec![client]).expect("fred refuses only a pool of none")
}

impl std::fmt::Debug for RedisBackendBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisBackendBuilder")
            .field("max_value_bytes", &self.max_value_bytes)
            .field("timeout", &self.timeout)
            .field("breaker_threshold", &self.breaker_threshold)
            .finish_non_exhaustive()
    }
}
