//! Builds a [`MemcacheBackend`].

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use session_backend_support::CallTimeout;
use session_core::{Clock, SessionCodec, SystemClock};

use super::MemcacheBackend;
use crate::address::Address;
use crate::cluster::{Cluster, OnNodeDown};
use crate::error::MemcacheConfigError;
use crate::node::{Limits, Node};
use crate::store::Store;

/// The default size limit of memcached's items, minus room for the key and the item's header.
const DEFAULT_MAX_VALUE_BYTES: usize = 1024 * 1024 - 1024;

/// Builds a [`MemcacheBackend`].
///
/// ```
/// use std::time::Duration;
/// use session_memcache::MemcacheBackend;
///
/// let backend = MemcacheBackend::builder(["cache-1:11211"]).timeout(Duration::from_millis(100)).build()?;
/// # Ok::<(), session_memcache::MemcacheConfigError>(())
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct MemcacheBackendBuilder {
    nodes: Vec<String>,
    codec: Option<Arc<dyn SessionCodec>>,
    client_flags: Option<u32>,
    max_value_bytes: usize,
    timeout: Option<Duration>,
    breaker_threshold: u32,
    connections_per_node: usize,
    on_node_down: OnNodeDown,
    user_epochs: bool,
    clock: Arc<dyn Clock>,
}

impl MemcacheBackend {
    /// Makes a backend on these nodes: `host:port`, `host` (port 11211) or the absolute path of a Unix socket.
    ///
    /// Write the nodes' names in the same way in all services, because the ring hashes the names. Their order does not
    /// matter.
    ///
    /// # Errors
    ///
    /// [`MemcacheConfigError`] if there is no node, if a node is named twice, or if an address can't be used. IPv6
    /// addresses can't be used.
    pub fn new<A: AsRef<str>>(nodes: impl IntoIterator<Item = A>) -> Result<Self, MemcacheConfigError> {
        Self::builder(nodes).build()
    }

    /// Starts a builder for these nodes, with the defaults of [`MemcacheBackend::new`].
    pub fn builder<A: AsRef<str>>(nodes: impl IntoIterator<Item = A>) -> MemcacheBackendBuilder {
        MemcacheBackendBuilder {
            nodes: nodes.into_iter().map(|node| node.as_ref().to_owned()).collect(),
            codec: None,
            client_flags: None,
            max_value_bytes: DEFAULT_MAX_VALUE_BYTES,
            timeout: None,
            breaker_threshold: 3,
            connections_per_node: 16,
            on_node_down: OnNodeDown::default(),
            user_epochs: false,
            clock: Arc::new(SystemClock),
        }
    }
}

impl MemcacheBackendBuilder {
    /// Sets the codec for stored sessions. By default it is the codec of the configuration's
    /// [format](session_core::SessionConfigBuilder::format) or, without a format,
    /// [`JsonCodec`](session_core::JsonCodec), which any language can read.
    ///
    /// If the configuration's format has a codec, the configuration refuses a backend with its own codec.
    pub fn codec(mut self, codec: impl SessionCodec) -> Self {
        self.codec = Some(Arc::new(codec));
        self
    }

    /// Sets the client flags of stored values, by which other clients recognise their format. By default they are those
    /// of the codec; for JSON that is 2.
    ///
    /// A stored value with other flags is an error of kind [`Corrupt`](session_core::BackendErrorKind::Corrupt).
    pub fn client_flags(mut self, flags: u32) -> Self {
        self.client_flags = Some(flags);
        self
    }

    /// Sets the longest value that is written or read, in bytes; default 1 MiB minus 1 KiB. A longer value is an error
    /// of the kind [`TooLarge`](session_core::BackendErrorKind::TooLarge). Must not be zero.
    ///
    /// Keep it at least 1 KiB below the servers' limit for items (`-I`, by default 1 MiB), because memcached drops the
    /// stored value if a new one is too large. The key and the item's header count towards that limit.
    pub fn max_value_bytes(mut self, bytes: usize) -> Self {
        self.max_value_bytes = bytes;
        self
    }

    /// Sets the longest time of a call, including connecting; default the [request
    /// deadline](session_core::SessionConfigBuilder::request_deadline) of the manager. Must not be zero.
    ///
    /// A timeout longer than the request deadline has no effect. If a call takes several round trips, they share the
    /// time, but each of the two steps of a renewal has the whole time.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the number of calls in a row without an answer from a node after which calls fail fast; default 3. Must not
    /// be zero.
    ///
    /// From then on, one call every 200 ms tries the node, and the first answer ends this state.
    pub fn breaker_threshold(mut self, calls: u32) -> Self {
        self.breaker_threshold = calls;
        self
    }

    /// Sets the largest number of connections from one Tokio runtime to each node; default 16. Each carries one call at
    /// a time. Must not be zero.
    ///
    /// A program with several runtimes has this many connections for each; actix-web has a runtime for each worker.
    /// memcached accepts 1024 connections in total by default (`-c`).
    pub fn connections_per_node(mut self, connections: usize) -> Self {
        self.connections_per_node = connections;
        self
    }

    /// Sets the behaviour of requests while the node of their session is down; default [`OnNodeDown::Fail`].
    pub fn on_node_down(mut self, on_node_down: OnNodeDown) -> Self {
        self.on_node_down = on_node_down;
        self
    }

    /// Keeps an epoch for each user who signs in, so that [`revoke_all`](session_core::SessionManager::revoke_all) works;
    /// default `false`.
    ///
    /// Each request that loads the session of a user then takes one more round trip. See [the crate's
    /// documentation](crate#sign-out-everywhere). All services that share the sessions must use the same setting,
    /// because a service without epochs does not see revocations.
    pub fn user_epochs(mut self, user_epochs: bool) -> Self {
        self.user_epochs = user_epochs;
        self
    }

    /// Sets the clock for expiries beyond 30 days, which memcached takes as dates; default the system's clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Makes the backend, which connects when it is first used.
    ///
    /// # Errors
    ///
    /// [`MemcacheConfigError`] if there is no node, if a node is named twice, if an address can't be used, if a limit
    /// is zero, or if [`user_epochs`](Self::user_epochs) is combined with [`OnNodeDown::NextNode`].
    pub fn build(self) -> Result<MemcacheBackend, MemcacheConfigError> {
        for (name, is_zero) in [
            ("max_value_bytes", self.max_value_bytes == 0),
            ("timeout", self.timeout.is_some_and(|timeout| timeout.is_zero())),
            ("breaker_threshold", self.breaker_threshold == 0),
            ("connections_per_node", self.connections_per_node == 0),
        ] {
            if is_zero {
                return Err(MemcacheConfigError::Zero { name });
            }
        }
        if self.user_epochs && self.on_node_down == OnNodeDown::NextNode {
            return Err(MemcacheConfigError::EpochsOnNextNode);
        }
        if self.nodes.is_empty() {
            return Err(MemcacheConfigError::NoNodes);
        }
        let timeout = CallTimeout::new(self.timeout);
        let limits = Limits {
            timeout: timeout.clone(),
            connections: self.connections_per_node,
            breaker_threshold: self.breaker_threshold,
        };
        let mut known = HashSet::new();
        let mut nodes = Vec::new();
        for given in self.nodes {
            let address: Address = match given.parse() {
                Ok(address) => address,
                Err(problem) => return Err(MemcacheConfigError::Address { given, problem: problem.to_string() }),
            };
            if !known.insert(address.clone()) {
                return Err(MemcacheConfigError::DuplicateNode { given });
            }
            nodes.push(Node::new(address, limits.clone()));
        }
        let store = Store {
            cluster: Arc::new(Cluster::new(nodes, self.on_node_down)),
            codec: self.codec,
            client_flags: self.client_flags,
            max_value_bytes: self.max_value_bytes,
            clock: self.clock,
        };
        Ok(MemcacheBackend { store: Arc::new(store), timeout, has_epochs: self.user_epochs })
    }
}

impl fmt::Debug for MemcacheBackendBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemcacheBackendBuilder")
            .field("nodes", &self.nodes)
            .field("client_flags", &self.client_flags)
            .field("max_value_bytes", &self.max_value_bytes)
            .field("timeout", &self.timeout)
            .field("breaker_threshold", &self.breaker_threshold)
            .field("connections_per_node", &self.connections_per_node)
            .field("on_node_down", &self.on_node_down)
            .field("user_epochs", &self.user_epochs)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(nodes: &[&str]) -> MemcacheConfigError {
        MemcacheBackend::new(nodes).unwrap_err()
    }

    #[test]
    fn a_list_of_nodes_is_checked() {
        assert_eq!(error(&[]), MemcacheConfigError::NoNodes);
        let ipv6 = error(&["cache-1", "[::1]:11211"]).to_string();
        let problem = "IPv6 is not supported, use an IPv4 address or a Unix socket";
        assert_eq!(ipv6, format!(r#""[::1]:11211" is not an address of a memcached node: {problem}"#));
        let twice = MemcacheConfigError::DuplicateNode { given: "tcp://cache-1:11211".to_owned() };
        assert_eq!(error(&["cache-1", "tcp://cache-1:11211"]), twice);
        assert!(MemcacheBackend::new(["cache-1", "cache-1:11212", "/run/memcached.sock"]).is_ok());
    }

    #[test]
    fn epochs_are_refused_where_a_node_could_bring_one_back() {
        let builder = || MemcacheBackend::builder(["cache-1"]).user_epochs(true);
        let built = builder().on_node_down(OnNodeDown::NextNode).build();
        assert_eq!(built.unwrap_err(), MemcacheConfigError::EpochsOnNextNode);
        assert!(builder().build().is_ok());
    }

    #[test]
    fn zeros_are_refused_by_name() {
        let builder = || MemcacheBackend::builder(["cache-1"]);
        for (name, built) in [
            ("timeout", builder().timeout(Duration::ZERO).build()),
            ("breaker_threshold", builder().breaker_threshold(0).build()),
            ("connections_per_node", builder().connections_per_node(0).build()),
            ("max_value_bytes", builder().max_value_bytes(0).build()),
        ] {
            assert_eq!(built.unwrap_err(), MemcacheConfigError::Zero { name });
        }
    }
}
