//! Commands, as they go to a server.

use fred::bytes::Bytes;
use fred::clients::{Client, Pipeline, WithOptions};
use fred::error::Error as FredError;
use fred::interfaces::KeysInterface;
use fred::types::{ClusterHash, CustomCommand, Expiration, SetOptions, Value};

use crate::error::Failure;
use crate::keys;

/// A command with its arguments. Cheap to clone.
#[derive(Clone)]
pub(crate) enum Command {
    Get(Bytes),
    /// SET of a key that is not in use.
    Create {
        key: Bytes,
        value: Bytes,
        seconds: i64,
    },
    Expire {
        key: Bytes,
        seconds: i64,
    },
    Delete(Bytes),
    /// Any other, a script for one. Dearer, since fred takes its name apart; its interface for scripts has no options.
    Other {
        name: &'static str,
        arguments: Vec<Value>,
        /// The Cluster slot that a clustered client is to send it to.
        slot: u16,
    },
}

impl Command {
    pub(crate) fn ping() -> Self {
        Self::Other { name: "PING", arguments: Vec::new(), slot: 0 }
    }

    pub(crate) fn cluster_slots() -> Self {
        Self::Other { name: "CLUSTER SLOTS", arguments: Vec::new(), slot: 0 }
    }

    fn asking() -> Self {
        Self::Other { name: "ASKING", arguments: Vec::new(), slot: 0 }
    }

    /// The Cluster slot of its keys.
    pub(crate) fn slot(&self) -> u16 {
        match self {
            Self::Get(key) | Self::Create { key, .. } | Self::Expire { key, .. } | Self::Delete(key) => keys::slot(key),
            Self::Other { slot, .. } => *slot,
        }
    }

    /// Sends it, and returns the reply. The client waits as long as its settings or options say, and doesn't send it any
    /// more afterwards.
    pub(crate) async fn send(self, client: &impl KeysInterface) -> Result<Value, Failure> {
        let reply: Result<Value, FredError> = match self {
            Self::Get(key) => client.get(key).await,
            Self::Create { key, value, seconds } => {
                client.set(key, value, Some(Expiration::EX(seconds)), Some(SetOptions::NX), false).await
            }
            Self::Expire { key, seconds } => client.expire(key, seconds, None).await,
            Self::Delete(key) => client.del(key).await,
            Self::Other { name, arguments, slot } => {
                client.custom(CustomCommand::new_static(name, ClusterHash::Custom(slot), false), arguments).await
            }
        };
        Ok(reply?)
    }

    /// The same with ASKING before it, which holds for the next command of the connection: the two must not be parted.
    pub(crate) async fn send_asking(self, pipeline: &WithOptions<Pipeline<Client>>) -> Result<Value, Failure> {
        for command in [Self::asking(), self] {
            let _queued = command.send(pipeline).await?;
        }
        Ok(pipeline.last().await?)
    }
}
