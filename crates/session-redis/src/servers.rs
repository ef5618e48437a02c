//! The servers that hold the sessions: one server, or a Cluster.

use std::sync::Arc;

use fred::bytes::Bytes;
use fred::types::Value;
use session_backend_support::Deadline;
use session_core::{Applied, BackendErrorKind};
use tokio::time::timeout_at;

use crate::cluster::Cluster;
use crate::command::{Command, Word};
use crate::error::{CallError, no_reply_within};
use crate::keys;
use crate::node::Node;
use crate::reply::bytes;
use crate::script::Script;

#[derive(Clone)]
pub(crate) enum Servers {
    Node {
        node: Arc<Node>,
        /// The servers form a Cluster, and the application's client selects the server of each call.
        clustered: bool,
    },
    Cluster(Arc<Cluster>),
}

impl Servers {
    /// Returns the value of a key.
    pub(crate) async fn get(&self, key: &Bytes, deadline: Deadline) -> Result<Option<Bytes>, CallError> {
        let command = Command::Get(key);
        bytes(match self {
            Self::Node { node, .. } => node.call(command, deadline, false).await?,
            // It may go to several servers in turn.
            Self::Cluster(cluster) => Box::pin(timeout_at(deadline.until(), cluster.call(command)))
                .await
                .map_err(|_| CallError::unavailable(no_reply_within(deadline.timeout())))??,
        })
    }

    pub(crate) async fn call(&self, command: Command<'_>) -> Result<Value, CallError> {
        match self {
            Self::Node { node, .. } => node.boxed_call(command, node.deadline()).await,
            Self::Cluster(cluster) => Box::pin(cluster.call(command)).await,
        }
    }

    /// Returns `true` if [`each`](Self::each) can return the servers.
    pub(crate) fn are_known(&self) -> bool {
        !matches!(self, Self::Node { clustered: true, .. })
    }

    /// Returns each server that holds sessions. Fails for a Cluster with a client of the application.
    pub(crate) async fn each(&self) -> Result<Vec<Arc<Node>>, CallError> {
        match self {
            Self::Node { clustered: true, .. } => Err(CallError::new(
                BackendErrorKind::Other,
                Applied::No,
                "the sessions of a Cluster can't be counted through a client of the application",
            )),
            Self::Node { node, .. } => Ok(vec![node.clone()]),
            Self::Cluster(cluster) => cluster.owners().await,
        }
    }

    /// Runs a script by its digest, or by its text if the server does not know it yet.
    pub(crate) async fn run(
        &self,
        script: &Script,
        keys: &[Bytes],
        arguments: &[Word<'_>],
    ) -> Result<Value, CallError> {
        let slot = if self.is_clustered() { keys.first().map_or(0, |key| keys::slot(key)) } else { 0 };
        let by_digest = Command::Script { name: "EVALSHA", script: &script.digest, keys, arguments, slot };
        let by_text = Command::Script { name: "EVAL", script: &script.text, keys, arguments, slot };
        match self {
            Self::Node { node, .. } => {
                // Both steps have one deadline.
                let deadline = node.deadline();
                match node.boxed_call(by_digest, deadline).await {
                    Err(CallError::NoScript) => node.boxed_call(by_text, deadline.next_step()).await,
                    reply => reply,
                }
            }
            Self::Cluster(cluster) => match Box::pin(cluster.call(by_digest)).await {
                Err(CallError::NoScript) => Box::pin(cluster.call(by_text)).await,
                reply => reply,
            },
        }
    }

    /// Returns `true` if some operations take several steps.
    pub(crate) fn is_clustered(&self) -> bool {
        match self {
            Self::Node { clustered, .. } => *clustered,
            Self::Cluster(_) => true,
        }
    }
}
