//! Several nodes as one store.

use session_core::{Applied, BackendError, BackendErrorKind, Version};

use crate::command::{Command, Reply};
use crate::deadline::Deadline;
use crate::key::Key;
use crate::node::{Admitted, Node};
use crate::ring::Ring;

/// What happens to the sessions of a node that is down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnNodeDown {
    /// Requests that need them fail at once, with 503, until the node is back. Other nodes' sessions are not concerned.
    #[default]
    Fail,
    /// Their keys move to the next node of the ring: these sessions are empty there, their users have to log in again, and
    /// once more when the node is back.
    ///
    /// A node that was only out of reach comes back with what it had: a session that was destroyed elsewhere meanwhile
    /// is there again, and what was written since is not. So a logout is final only with [`Fail`](Self::Fail).
    NextNode,
}

/// Where a version is from. Two nodes count their versions alike: one's must not be taken for the other's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodeVersion {
    pub(crate) node: u64,
    pub(crate) version: u64,
}

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

    /// Makes a call to the node that has the key now. Says which one that was.
    pub(crate) async fn call(
        &self,
        key: Key<'_>,
        command: Command<'_>,
        deadline: Deadline,
    ) -> Result<(u64, Reply), BackendError> {
        let (node, admitted) = self.admit(key)?;
        Ok((node, admitted.call(key, command, deadline).await?))
    }

    /// As [`call`](Self::call), unless the key is on another node now than it was: then it has another version too.
    pub(crate) async fn call_at(
        &self,
        node: u64,
        key: Key<'_>,
        command: Command<'_>,
        deadline: Deadline,
    ) -> Result<Reply, BackendError> {
        let (now, admitted) = self.admit(key)?;
        if now != node {
            return Ok(Reply::Changed);
        }
        admitted.call(key, command, deadline).await
    }

    fn admit(&self, key: Key<'_>) -> Result<(u64, Admitted<'_>), BackendError> {
        let mut down = BackendError::new(BackendErrorKind::Unavailable, Applied::No);
        for (number, node) in self.ring.nodes_for(key.as_bytes()).map(|number| (number, &self.nodes[number])) {
            if let Some(admitted) = node.admit() {
                return Ok((number as u64, admitted));
            }
            down = node.down();
            if self.on_node_down == OnNodeDown::Fail {
                break;
            }
        }
        Err(down)
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
    /// `None` for a version that is not of our making.
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
