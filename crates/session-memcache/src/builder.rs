//! What can be configured, and what is wrong with a configuration.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use session_core::{Clock, JsonCodec, SessionCodec, SystemClock};

use crate::MemcacheBackend;
use crate::address::Address;
use crate::cluster::{Cluster, OnDeadNode};
use crate::node::Node;
use crate::store::Store;

/// The client flags by which starlette-session and pymemcache know JSON.
const JSON_FLAGS: u32 = 2;

/// Builds a [`MemcacheBackend`].
#[must_use = "nothing is built until `build` is called"]
pub struct MemcacheBackendBuilder {
    nodes: Vec<String>,
    operation_timeout: Duration,
    connections_per_node: usize,
    on_dead_node: OnDeadNode,
    max_item_bytes: usize,
    codec: Arc<dyn SessionCodec>,
    flags: u32,
    clock: Arc<dyn Clock>,
}

impl MemcacheBackendBuilder {
    pub(crate) fn new(nodes: Vec<String>) -> Self {
        Self {
            nodes,
            operation_timeout: Duration::from_millis(250),
            connections_per_node: 16,
            on_dead_node: OnDeadNode::default(),
            max_item_bytes: 1024 * 1024,
            codec: Arc::new(JsonCodec),
            flags: JSON_FLAGS,
            clock: Arc::new(SystemClock),
        }
    }

    /// How long one operation may take, waiting for a connection and connecting included; default 250 ms.
    ///
    /// A request may need several, all within the configuration's `request_deadline`. Don't make it longer than that: a
    /// node counts as silent when half of this time has passed in vain, and requests that give up earlier learn nothing.
    pub fn operation_timeout(mut self, operation_timeout: Duration) -> Self {
        self.operation_timeout = operation_timeout;
        self
    }

    /// The most connections to each node; default 16. Each carries one call at a time. memcached takes 1024 in all unless
    /// told otherwise (`-c`).
    pub fn connections_per_node(mut self, connections: usize) -> Self {
        self.connections_per_node = connections;
        self
    }

    /// What happens to the sessions of a node that is down; default [`OnDeadNode::Fail`].
    pub fn on_dead_node(mut self, on_dead_node: OnDeadNode) -> Self {
        self.on_dead_node = on_dead_node;
        self
    }

    /// The largest item that the servers take (their `-I`), in bytes; default 1 MiB, as theirs.
    ///
    /// Larger sessions are refused before they are sent, since memcached drops the old value when a new one is too large.
    /// Never set it higher than the servers have it. Values that are read are not looked into if they are larger.
    pub fn max_item_bytes(mut self, max_item_bytes: usize) -> Self {
        self.max_item_bytes = max_item_bytes;
        self
    }

    /// How sessions become bytes, and the client flags that say so; default JSON, with the flags 2 that starlette-session
    /// and pymemcache expect. Values with other flags are errors of kind
    /// [`Corrupt`](session_core::BackendErrorKind::Corrupt).
    pub fn codec(mut self, codec: impl SessionCodec, flags: u32) -> Self {
        self.codec = Arc::new(codec);
        self.flags = flags;
        self
    }

    /// The clock by which expiries beyond 30 days, which memcached takes as dates, are computed; default the system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The backend. Connects to nothing yet.
    ///
    /// # Errors
    ///
    /// If there is no node, one is named twice, an address can't be used, or a number is zero.
    pub fn build(self) -> Result<MemcacheBackend, ConfigError> {
        for (name, is_zero) in [
            ("operation_timeout", self.operation_timeout.is_zero()),
            ("connections_per_node", self.connections_per_node == 0),
            ("max_item_bytes", self.max_item_bytes == 0),
        ] {
            if is_zero {
                return Err(ConfigError::Zero { name });
            }
        }
        if self.nodes.is_empty() {
            return Err(ConfigError::NoNodes);
        }
        let mut known = HashSet::new();
        let mut nodes = Vec::new();
        for given in self.nodes {
            let address: Address = match given.parse() {
                Ok(address) => address,
                Err(problem) => return Err(ConfigError::Address { given, problem: problem.to_string() }),
            };
            if !known.insert(address.clone()) {
                return Err(ConfigError::DuplicateNode { given });
            }
            nodes.push(Node::new(address, self.connections_per_node, self.operation_timeout));
        }
        let store = Store {
            cluster: Cluster::new(nodes, self.on_dead_node),
            codec: self.codec,
            flags: self.flags,
            max_item_bytes: self.max_item_bytes,
            clock: self.clock,
        };
        Ok(MemcacheBackend { store: Arc::new(store), timeout: self.operation_timeout })
    }
}

impl fmt::Debug for MemcacheBackendBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemcacheBackendBuilder")
            .field("nodes", &self.nodes)
            .field("operation_timeout", &self.operation_timeout)
            .field("connections_per_node", &self.connections_per_node)
            .field("on_dead_node", &self.on_dead_node)
            .field("max_item_bytes", &self.max_item_bytes)
            .finish_non_exhaustive()
    }
}

/// Why a [`MemcacheBackend`] can't be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The list of nodes is empty.
    #[error("no memcached node is given")]
    NoNodes,
    /// An address can't be used.
    #[error("{given:?} is no address of a memcached node: {problem}")]
    Address {
        /// The address.
        given: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Two addresses are the same.
    #[error("the memcached node {given:?} is given twice")]
    DuplicateNode {
        /// The second of them.
        given: String,
    },
    /// A number must not be zero.
    #[error("{name} is zero")]
    Zero {
        /// The name of the setter.
        name: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(nodes: &[&str]) -> ConfigError {
        MemcacheBackend::new(nodes).unwrap_err()
    }

    #[test]
    fn a_list_of_nodes_is_checked() {
        assert_eq!(error(&[]), ConfigError::NoNodes);
        let text = error(&["cache-1", "[::1]:11211"]).to_string();
        assert_eq!(text, r#""[::1]:11211" is no address of a memcached node: the client library speaks IPv4 only"#);
        let twice = ConfigError::DuplicateNode { given: "tcp://cache-1:11211".to_owned() };
        assert_eq!(error(&["cache-1", "tcp://cache-1:11211"]), twice);
        assert!(MemcacheBackend::new(["cache-1", "cache-1:11212", "/run/memcached.sock"]).is_ok());
    }

    #[test]
    fn zeros_are_refused_by_name() {
        let builder = || MemcacheBackend::builder(["cache-1"]);
        for (name, built) in [
            ("operation_timeout", builder().operation_timeout(Duration::ZERO).build()),
            ("connections_per_node", builder().connections_per_node(0).build()),
            ("max_item_bytes", builder().max_item_bytes(0).build()),
        ] {
            assert_eq!(built.unwrap_err(), ConfigError::Zero { name });
        }
    }
}
