//! Several nodes as one store.

use session_backend_support::{Deadline, Permit};
use session_core::{BackendError, Version};

use crate::command::{Command, Reply};
use crate::key::Key;
use crate::node::Node;
use crate::ring::Ring;

/// The behaviour of requests while the node of their session is down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnNodeDown {
    /// The requests fail fast with 503 until the node answers again. Requests whose sessions are on other nodes are not
    /// affected.
    #[default]
    Fail,
    /// The requests use the next node of the ring, where the session is empty. The user has to log in again, and once
    /// more when the first node answers again.
    ///
    /// When an unreachable node answers again, it still has its sessions in their old state, even those that were
    /// destroyed in between. So a logout is final only with [`Fail`](Self::Fail).
    NextNode,
}

/// A version with its node. Each node counts its own versions, so the same number may exist on two nodes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodeVersion {
    pub(crate) node: u64,
    pub(crate) version: u64,
}

/// The nodes, and the choice between them.
pub(crate) struct Cluster {
    nodes: Box<[Node]>,
    ring: Ring,
    on_node_down: OnNodeDown,
}

impl Cluster {
    pub(crate) fn new(nodes: Vec<Node>, on_node_down: OnNodeDown) -> Self {
        let names: Vec<String> = nodes.iter().map(|node| node.address().ring_name()).collect();
        Self { ring: Ring::new(names.iter().map(String::as_str)), nodes: nodes.into(), on_node_down }
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Makes a call to the node that has the key now. Also returns the node's number.
    pub(crate) async fn call(
        &self,
        key: Key<'_>,
        command: Command<'_>,
        deadline: Deadline,
    ) -> Result<(u64, Reply), BackendError> {
        let (number, node, permit) = self.admit(key, deadline)?;
        Ok((number, node.call(permit, key, command, deadline).await?))
    }

    /// Makes a call to a node, unless the key is on another node now. In that case the session counts as having another
    /// version.
    pub(crate) async fn call_at(
        &self,
        node: u64,
        key: Key<'_>,
        command: Command<'_>,
        deadline: Deadline,
    ) -> Result<Reply, BackendError> {
        match self.admit(key, deadline)? {
            (number, node_now, permit) if number == node => node_now.call(permit, key, command, deadline).await,
            _ => Ok(Reply::Changed),
        }
    }

    fn admit(&self, key: Key<'_>, deadline: Deadline) -> Result<(u64, &Node, Permit<'_>), BackendError> {
        let candidates = match self.on_node_down {
            OnNodeDown::Fail => 1,
            OnNodeDown::NextNode => usize::MAX,
        };
        let mut asked = None;
        for number in self.ring.nodes_for(key.as_bytes()).take(candidates) {
            let node = &self.nodes[number];
            if let Some(permit) = node.admit(deadline) {
                return Ok((number as u64, node, permit));
            }
            asked = Some(node);
        }
        Err(asked.expect("every ring has a node").failing_fast())
    }
}

impl From<NodeVersion> for Version {
    fn from(at: NodeVersion) -> Self {
        let mut bytes = [0; Self::MAX_LEN];
        bytes[..8].copy_from_slice(&at.version.to_be_bytes());
        bytes[8..16].copy_from_slice(&at.node.to_be_bytes());
        Self::from(bytes)
    }
}

impl NodeVersion {
    /// Reads a version. Returns `None` for a version that this crate did not make.
    pub(crate) fn parse(version: &Version) -> Option<Self> {
        let bytes = version.as_bytes();
        let (version, rest) = bytes.split_first_chunk()?;
        let (node, _) = rest.split_first_chunk()?;
        Some(Self { node: u64::from_be_bytes(*node), version: u64::from_be_bytes(*version) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_keeps_its_node() {
        let at = NodeVersion { node: 7, version: u64::MAX - 1 };
        assert!(NodeVersion::parse(&Version::from(at)) == Some(at));
        assert!(Version::from(at) != Version::from(NodeVersion { node: 8, ..at }));
        assert!(NodeVersion::parse(&Version::from(1)).is_none());
    }
}
