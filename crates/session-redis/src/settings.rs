//! The settings of clients, which limit the time of their calls.

use std::time::Duration;

use fred::clients::Client;
use fred::error::Error as FredError;
use fred::types::Builder;
use fred::types::config::{Config, ServerConfig};
use session_backend_support::CallTimeout;

use crate::address::Address;

/// The longest queue of commands that wait to be written.
const LONGEST_QUEUE: usize = 4096;

/// The time after which a connection counts as dead if its peer acknowledges no bytes.
const UNACKNOWLEDGED: Duration = Duration::from_secs(1);

/// The servers, the credentials and the transport.
///
/// It has no `Debug`, because fred's `Debug` would print the password.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) timeout: CallTimeout,
    pub(crate) breaker_threshold: u32,
}

impl Settings {
    /// Returns the settings for one server of a Cluster.
    pub(crate) fn for_server(&self, address: &Address) -> Self {
        let server = ServerConfig::new_centralized(&*address.host, address.port);
        Self { config: Config { server, ..self.config.clone() }, ..self.clone() }
    }

    /// Returns the servers that the URL names.
    pub(crate) fn seeds(&self) -> Vec<Address> {
        self.config.server.hosts().iter().map(|server| Address::new(&server.host, server.port)).collect()
    }

    /// Returns a client that is not connected yet.
    ///
    /// With fred's own defaults a call waits forever once the server is gone.
    pub(crate) fn client(&self, timeout: Duration) -> Result<Client, FredError> {
        Builder::from_config(self.config.clone())
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
    }
}

/// Returns the name of a server or a set of servers for the log.
pub(crate) fn label(config: &Config) -> String {
    match &config.server {
        ServerConfig::Unix { path } => path.display().to_string(),
        ServerConfig::Sentinel { service_name, .. } => format!("{service_name} of the Sentinels"),
        ServerConfig::Centralized { .. } | ServerConfig::Clustered { .. } => {
            let hosts = config.server.hosts();
            hosts.iter().map(|server| format!("{}:{}", server.host, server.port)).collect::<Vec<_>>().join(",")
        }
    }
}
