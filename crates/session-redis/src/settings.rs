//! How clients are made: settings under which calls are bounded and outages end.

use std::time::Duration;

use fred::clients::{Client, Pool};
use fred::types::Builder;
use fred::types::config::{Config, ReconnectPolicy, ServerConfig};

use crate::address::Address;
use crate::error::RedisConfigError;

/// The longest queue of commands that wait for being written.
const LONGEST_QUEUE: usize = 4096;

/// How long a peer may leave bytes unacknowledged before the connection counts as dead.
const UNACKNOWLEDGED: Duration = Duration::from_secs(1);

/// Which servers, with which credentials, over which transport.
///
/// Has no `Debug`: fred's would print the password.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) timeout: Duration,
    pub(crate) breaker_threshold: u32,
}

impl Settings {
    /// The servers of a URL, and whether it asks for TLS, which is left to be set up.
    pub(crate) fn parse(url: &str) -> Result<(Config, bool), RedisConfigError> {
        let (scheme, rest) = url.split_once("://").ok_or(RedisConfigError::Url)?;
        let (store, kind) = scheme.split_at(scheme.find(['-', '+']).unwrap_or(scheme.len()));
        let tls = match store {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(RedisConfigError::Url),
        };
        if !matches!(kind, "" | "-cluster" | "-sentinel" | "+unix") || (tls && kind == "+unix") {
            return Err(RedisConfigError::Url);
        }
        // Not as it is: fred goes on in plain text if TLS is not compiled, and panics if two providers of it are.
        let mut config = Config::from_url(&format!("redis{kind}://{rest}")).map_err(|_| RedisConfigError::Url)?;
        // To start while the server is down is no error: it is tried again.
        config.fail_fast = false;
        Ok((config, tls))
    }

    /// The same for one server of a Cluster.
    pub(crate) fn for_server(&self, address: &Address) -> Self {
        let server = ServerConfig::new_centralized(&*address.host, address.port);
        Self { config: Config { server, ..self.config.clone() }, ..*self }
    }

    /// The servers that the URL names.
    pub(crate) fn seeds(&self) -> Vec<Address> {
        self.config.server.hosts().iter().map(|server| Address::new(&server.host, server.port)).collect()
    }

    /// A client that is not connected yet.
    ///
    /// fred's own defaults don't do: with them a call waits forever once the server is gone.
    pub(crate) fn client(&self) -> Result<Pool, RedisConfigError> {
        let timeout = self.timeout;
        let mut policy = ReconnectPolicy::new_exponential(0, 50, 250, 2);
        policy.set_jitter(50);
        let client: Client = Builder::from_config(self.config.clone())
            .set_policy(policy)
            .with_connection_config(|connection| {
                connection.connection_timeout = timeout;
                connection.internal_command_timeout = timeout;
                connection.max_command_attempts = 1;
                connection.max_command_buffer_len = LONGEST_QUEUE;
                connection.tcp.nodelay = Some(true);
                #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
                {
                    connection.tcp.user_timeout = Some(UNACKNOWLEDGED);
                }
            })
            .with_performance_config(|performance| performance.default_command_timeout = timeout)
            .build()
            .map_err(|_| RedisConfigError::Url)?;
        Pool::from_clients(vec![client]).map_err(|_| RedisConfigError::Url)
    }
}
