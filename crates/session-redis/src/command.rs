//! The commands that are sent to a server.

use fred::bytes::Bytes;
use fred::bytes_utils::Str;
use fred::clients::{Client, Pipeline, WithOptions};
use fred::error::Error as FredError;
use fred::interfaces::KeysInterface;
use fred::types::{ClusterHash, CustomCommand, Expiration, SetOptions, Value};

use crate::error::CallError;
use crate::keys;

/// A command. It borrows its arguments, so that it can be sent again.
#[derive(Clone, Copy)]
pub(crate) enum Command<'a> {
    Get(&'a Bytes),
    /// A SET of a key that is not in use.
    Create {
        key: &'a Bytes,
        value: &'a Bytes,
        seconds: i64,
    },
    Expire {
        key: &'a Bytes,
        seconds: i64,
    },
    Delete(&'a Bytes),
    /// An EVALSHA or EVAL. fred's interface for scripts has no options.
    Script {
        name: &'static str,
        script: &'a Str,
        keys: &'a [Bytes],
        arguments: &'a [Word<'a>],
        /// The Cluster slot that a clustered client is to send it to.
        slot: u16,
    },
    /// A step of a SCAN for strings.
    Scan {
        cursor: &'a Bytes,
        pattern: &'a Bytes,
    },
    /// A command without arguments.
    Plain(&'static str),
}

/// An argument of a script.
#[derive(Clone, Copy)]
pub(crate) enum Word<'a> {
    Text(&'a Str),
    Bytes(&'a Bytes),
    Fixed(&'static str),
    Number(i64),
}

impl From<Word<'_>> for Value {
    fn from(word: Word<'_>) -> Self {
        match word {
            Word::Text(text) => Self::String(text.clone()),
            Word::Bytes(bytes) => Self::Bytes(bytes.clone()),
            Word::Fixed(text) => Self::from_static_str(text),
            Word::Number(number) => Self::Integer(number),
        }
    }
}

/// The number of keys of a script, as text, because numbers cost the client more.
const NUMBERS: [&str; 5] = ["0", "1", "2", "3", "4"];

/// Commands whose failure affects no session.
const INFO: &str = "INFO memory";
const TIME_NAME: &str = "TIME";

pub(crate) const PING: Command<'static> = Command::Plain("PING");
pub(crate) const CLUSTER_SLOTS: Command<'static> = Command::Plain("CLUSTER SLOTS");
pub(crate) const INFO_MEMORY: Command<'static> = Command::Plain(INFO);
pub(crate) const TIME: Command<'static> = Command::Plain(TIME_NAME);
const ASKING: Command<'static> = Command::Plain("ASKING");

impl Command<'_> {
    pub(crate) fn is_read(&self) -> bool {
        matches!(self, Self::Get(_))
    }

    /// Returns `true` if sessions depend on the command.
    pub(crate) fn is_needed(&self) -> bool {
        !matches!(self, Self::Plain(name) if [INFO, TIME_NAME].contains(name))
    }

    /// Returns the name of the operation. A script has one name, whether it is sent as a digest or as text.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Get(_) => "GET",
            Self::Create { .. } => "SET",
            Self::Expire { .. } => "EXPIRE",
            Self::Delete(_) => "DEL",
            Self::Script { .. } => "EVALSHA",
            Self::Scan { .. } => "SCAN",
            Self::Plain(name) => name,
        }
    }

    /// Returns the Cluster slot of its keys.
    pub(crate) fn slot(&self) -> u16 {
        match self {
            Self::Get(key) | Self::Create { key, .. } | Self::Expire { key, .. } | Self::Delete(key) => keys::slot(key),
            Self::Script { slot, .. } => *slot,
            Self::Scan { .. } | Self::Plain(_) => 0,
        }
    }

    /// Sends the command, and returns the reply. The client waits as long as its settings or options say. It does not send
    /// the command after that.
    pub(crate) async fn send(self, client: &impl KeysInterface) -> Result<Value, CallError> {
        let custom = |name, slot| CustomCommand::new_static(name, ClusterHash::Custom(slot), false);
        let reply: Result<Value, FredError> = match self {
            Self::Get(key) => client.get(key.clone()).await,
            Self::Create { key, value, seconds } => {
                let (expiry, options) = (Some(Expiration::EX(seconds)), Some(SetOptions::NX));
                client.set(key.clone(), Value::Bytes(value.clone()), expiry, options, false).await
            }
            Self::Expire { key, seconds } => client.expire(key.clone(), seconds, None).await,
            Self::Delete(key) => client.del(key.clone()).await,
            Self::Script { name, script, keys, arguments, slot } => {
                let mut words = Vec::with_capacity(2 + keys.len() + arguments.len());
                words.extend([
                    Word::Text(script),
                    NUMBERS.get(keys.len()).map_or(Word::Number(keys.len() as i64), |text| Word::Fixed(text)),
                ]);
                words.extend(keys.iter().map(Word::Bytes));
                words.extend_from_slice(arguments);
                client.custom(custom(name, slot), words).await
            }
            Self::Scan { cursor, pattern } => {
                let words = [
                    Word::Bytes(cursor),
                    Word::Fixed("MATCH"),
                    Word::Bytes(pattern),
                    Word::Fixed("COUNT"),
                    Word::Fixed("1000"),
                    Word::Fixed("TYPE"),
                    Word::Fixed("string"),
                ];
                client.custom(custom("SCAN", 0), words.to_vec()).await
            }
            Self::Plain(name) => client.custom(custom(name, 0), Vec::<Value>::new()).await,
        };
        Ok(reply?)
    }

    /// [Sends](Self::send) the command with ASKING before it. ASKING holds for the next command of the connection, so the two
    /// are one pipeline.
    pub(crate) async fn send_asking(self, pipeline: &WithOptions<Pipeline<Client>>) -> Result<Value, CallError> {
        for command in [ASKING, self] {
            let _queued = command.send(pipeline).await?;
        }
        Ok(pipeline.last().await?)
    }
}
