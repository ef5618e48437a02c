//! One connection to a node: connecting, and calls whose replies are checked.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_memcached::{Client, Error, ErrorKind, MetaProtocol, MetaValue, Status};
use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::address::Address;
use crate::command::{Command, Mode, Reply};
use crate::error::CallError;
use crate::key::Key;

/// Makes connections to one node, for its pool.
pub(crate) struct Connector {
    address: Address,
    limit: Duration,
    /// Connections of an earlier epoch are not used again.
    epoch: AtomicU64,
}

pub(crate) struct Connection {
    client: Client,
    epoch: u64,
    /// Sent along with each call and expected in its reply.
    calls: u32,
}

impl Connector {
    pub(crate) fn new(address: Address, limit: Duration) -> Self {
        Self { address, limit, epoch: AtomicU64::new(0) }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// The node has closed a connection: it was restarted, and has closed all the others too.
    pub(crate) fn end_epoch(&self) {
        self.epoch.fetch_add(1, Ordering::Relaxed);
    }

    async fn connect(&self) -> Result<Client, CallError> {
        match &self.address {
            Address::Unix(path) => Client::new(format!("unix://{path}")).await.map_err(fault),
            Address::Tcp { host, port } => {
                let resolved = lookup_host((&**host, *port)).await.map_err(CallError::Connect)?;
                connect_to_one_of(resolved.filter(SocketAddr::is_ipv4).collect(), self.limit).await
            }
        }
    }
}

/// Tries all addresses of a name, each for its share of the time: the first may be of a host that does not answer.
async fn connect_to_one_of(addresses: Vec<SocketAddr>, limit: Duration) -> Result<Client, CallError> {
    let share = limit / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    let mut failure = CallError::NoAddress;
    for address in addresses {
        failure = match timeout(share, Client::new(format!("tcp://{address}"))).await {
            Ok(Ok(client)) => return Ok(client),
            Ok(Err(error)) => fault(error),
            Err(_) => CallError::Connect(io::ErrorKind::TimedOut.into()),
        };
    }
    Err(failure)
}

impl Manager for Connector {
    type Type = Connection;
    type Error = CallError;

    async fn create(&self) -> Result<Connection, CallError> {
        let epoch = self.epoch.load(Ordering::Relaxed);
        Ok(Connection { client: self.connect().await?, epoch, calls: 0 })
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<CallError> {
        let outdated = connection.epoch != self.epoch.load(Ordering::Relaxed);
        if outdated || connection.client.is_closed() {
            return Err(RecycleError::message("closed"));
        }
        Ok(())
    }
}

impl Connection {
    /// Carries out a command. After a fault, or if this future is dropped, the connection must not be used again.
    pub(crate) async fn call(&mut self, key: Key<'_>, command: &Command<'_>) -> Result<Reply, CallError> {
        self.calls = self.calls.wrapping_add(1);
        let call = self.calls.to_string();
        let (name, opaque) = (key.as_bytes(), Some(call.as_bytes()));
        let client = &mut self.client;
        let answer = match command {
            Command::Get => client.meta_get(name, false, opaque, Some(&["k", "v", "f", "c"])).await,
            Command::Touch { expiry } => {
                let expiry = format!("T{expiry}");
                client.meta_get(name, false, opaque, Some(&["k", "v", "f", "c", &expiry])).await
            }
            Command::Set { value, flags, expiry, mode } => {
                let (flags, expiry) = (format!("F{flags}"), format!("T{expiry}"));
                let mode = match mode {
                    Mode::Add => "ME".to_owned(),
                    Mode::At(version) => format!("C{version}"),
                };
                client.meta_set(name, *value, false, opaque, Some(&["k", "c", &flags, &expiry, &mode])).await
            }
            Command::Delete { version } => {
                let version = format!("C{version}");
                client.meta_delete(name, false, opaque, Some(&["k", &version])).await
            }
        };
        let reply = match answer {
            // A reply without flags names neither key nor call.
            Ok(None) | Err(Error::Protocol(Status::NotFound)) => return Err(CallError::TooOld),
            Ok(Some(reply)) => reply,
            Err(error) => return Err(fault(error)),
        };
        if reply.key.as_deref() != Some(name) || reply.opaque_token.as_deref() != opaque {
            return Err(CallError::WrongReply);
        }
        understand(reply, command)
    }
}

fn understand(reply: MetaValue, command: &Command<'_>) -> Result<Reply, CallError> {
    let version = || reply.cas.filter(|&version| version > 0).ok_or(CallError::NoVersions);
    match (command, &reply.status) {
        (_, Some(Status::NotFound)) => Ok(Reply::Absent),
        (Command::Get | Command::Touch { .. }, Some(Status::Value)) => {
            let version = version()?;
            let flags = reply.flags.ok_or(CallError::WrongReply)?;
            Ok(Reply::Found { value: reply.data.unwrap_or_default(), flags, version })
        }
        (Command::Set { .. }, Some(Status::Stored)) => Ok(Reply::Stored { version: version()? }),
        (Command::Set { .. }, Some(Status::NotStored)) => Ok(Reply::Exists),
        (Command::Delete { .. }, Some(Status::Deleted)) => Ok(Reply::Deleted),
        (Command::Set { .. } | Command::Delete { .. }, Some(Status::Exists)) => Ok(Reply::Changed),
        _ => Err(CallError::WrongReply),
    }
}

fn fault(error: Error) -> CallError {
    match error {
        Error::Connect(cause) => CallError::Connect(cause),
        Error::Io(cause) => CallError::Lost(cause),
        Error::ConnectionClosed => CallError::Lost(io::ErrorKind::NotConnected.into()),
        Error::Protocol(Status::Error(ErrorKind::NonexistentCommand)) => CallError::TooOld,
        Error::Protocol(Status::Error(ErrorKind::Server(said))) if said.contains("too large") => CallError::TooLarge,
        Error::Protocol(Status::Error(ErrorKind::Server(_))) => CallError::Refused,
        Error::Protocol(_) | Error::ParseError(_) => CallError::WrongReply,
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn every_address_of_a_name_is_tried() {
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let limit = Duration::from_secs(5);
        let connected = connect_to_one_of(vec![closed, closed, open.local_addr().unwrap()], limit).await;
        assert!(connected.is_ok());
        let refused = connect_to_one_of(vec![closed], limit).await;
        assert!(matches!(refused, Err(CallError::Connect(_))));
        assert!(matches!(connect_to_one_of(Vec::new(), limit).await, Err(CallError::NoAddress)));
    }

    #[tokio::test]
    async fn names_are_resolved() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = server.local_addr().unwrap().port();
        for (host, connects) in [("localhost", true), ("127.0.0.1", true), ("no-such-host.invalid", false)] {
            let connector = Connector::new(Address::Tcp { host: host.into(), port }, Duration::from_secs(5));
            assert_eq!(connector.connect().await.is_ok(), connects, "{host}");
        }
    }
}
