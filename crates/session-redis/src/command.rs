//! Commands, as they go to a server.

use fred::clients::Client;
use fred::interfaces::ClientLike;
use fred::types::config::Options;
use fred::types::{ClusterHash, CustomCommand, Value};

use crate::error::Failure;
use crate::keys;

/// A command with its arguments. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Command {
    name: &'static str,
    arguments: Vec<Value>,
    /// The Cluster slot of its keys.
    pub(crate) slot: u16,
}

impl Command {
    /// A command on a key, or on several of one slot.
    pub(crate) fn on(key: &str, name: &'static str, arguments: Vec<Value>) -> Self {
        Self { name, arguments, slot: keys::slot(key) }
    }

    /// A command that has no keys.
    pub(crate) fn keyless(name: &'static str, arguments: Vec<Value>) -> Self {
        Self { name, arguments, slot: 0 }
    }

    /// Sends it, and returns the reply. The client waits no longer than the options say, and doesn't send it any more
    /// afterwards.
    pub(crate) async fn send(&self, client: &Client, options: &Options, asking: bool) -> Result<Value, Failure> {
        let client = client.with_options(options);
        let command = CustomCommand::new_static(self.name, ClusterHash::Custom(self.slot), false);
        if !asking {
            return Ok(client.custom(command, self.arguments.clone()).await?);
        }
        // ASKING holds for the next command of the connection: the two must not be parted.
        let pipeline = client.pipeline();
        let asking = CustomCommand::new_static("ASKING", ClusterHash::Custom(self.slot), false);
        let _queued: Value = pipeline.custom(asking, Vec::<Value>::new()).await?;
        let _queued: Value = pipeline.custom(command, self.arguments.clone()).await?;
        Ok(pipeline.last().await?)
    }
}
