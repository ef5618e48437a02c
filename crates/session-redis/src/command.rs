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
    /// Which of the arguments is the key, or the first of several of one slot.
    key_at: usize,
    /// The Cluster slot that the client is to send it to.
    slot: u16,
}

impl Command {
    /// A command whose first argument is its key, if it has one.
    pub(crate) fn new(name: &'static str, arguments: Vec<Value>) -> Self {
        Self { name, arguments, key_at: 0, slot: 0 }
    }

    /// EVALSHA or EVAL: the keys come after the script and their number.
    pub(crate) fn script(name: &'static str, arguments: Vec<Value>) -> Self {
        Self { key_at: 2, ..Self::new(name, arguments) }
    }

    /// Makes it one for a Cluster, whose servers have slots. Returns its own.
    pub(crate) fn find_slot(&mut self) -> u16 {
        if let Some(Value::String(key)) = self.arguments.get(self.key_at) {
            self.slot = keys::slot(key);
        }
        self.slot
    }

    /// Sends it, and returns the reply. The client waits no longer than the options say, and doesn't send it any more
    /// afterwards.
    pub(crate) async fn send(self, client: &Client, options: &Options, asking: bool) -> Result<Value, Failure> {
        let client = client.with_options(options);
        let command = CustomCommand::new_static(self.name, ClusterHash::Custom(self.slot), false);
        if !asking {
            return Ok(client.custom(command, self.arguments).await?);
        }
        let asking = CustomCommand::new_static("ASKING", ClusterHash::Custom(self.slot), false);
        let both = async {
            // It holds for the next command of the connection: the two must not be parted.
            let pipeline = client.pipeline();
            let _queued: Value = pipeline.custom(asking, Vec::<Value>::new()).await?;
            let _queued: Value = pipeline.custom(command, self.arguments).await?;
            pipeline.last().await
        };
        Ok(Box::pin(both).await?)
    }
}
