//! A connection to a node: connecting, and calls whose replies are checked.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_memcached::{Client, Error, ErrorKind, MetaProtocol, MetaValue, Status};
use tokio::net::lookup_host;
use tokio::time::{Instant, timeout};

use crate::address::Address;
use crate::command::{Command, Mode, Reply};
use crate::error::CallError;
use crate::key::Key;

/// A connection that carries one call at a time.
pub(crate) struct Connection {
    client: Client,
    /// The number of the last call. A call sends its number, and expects it in the reply.
    calls: u32,
    used_at: Instant,
}

impl Connection {
    /// Connects to a node. All its addresses share the timeout.
    pub(crate) async fn open(address: &Address, timeout: Duration) -> Result<Self, CallError> {
        let client = match address {
            Address::Unix(path) => connect(format!("unix://{path}"), path).await?,
            Address::Tcp { host, port } => {
                let resolved = lookup_host((&**host, *port)).await.map_err(CallError::NotResolved)?;
                connect_to_one_of(resolved.filter(SocketAddr::is_ipv4).collect(), timeout).await?
            }
        };
        Ok(Self { client, calls: 0, used_at: Instant::now() })
    }

    /// Returns the time since its last reply.
    pub(crate) fn idle_time(&self) -> Duration {
        self.used_at.elapsed()
    }

    /// Sends a command and returns its reply. After an error, or if this future is dropped, the connection must not be
    /// used again.
    pub(crate) async fn call(&mut self, key: Key<'_>, command: &Command<'_>) -> Result<Reply, CallError> {
        let has_waited = self.calls > 0;
        self.calls = self.calls.wrapping_add(1);
        let reply = self.send(key, command).await.map_err(|error| match error {
            CallError::Lost(cause) if has_waited => CallError::Stale(cause),
            error => error,
        })?;
        self.used_at = Instant::now();
        Ok(reply)
    }

    /// Returns the node's time, in whole seconds.
    pub(crate) async fn time(mut self) -> Result<SystemTime, CallError> {
        let facts = self.client.stats().await.map_err(call_error)?;
        let seconds = facts.get("time").and_then(|time| time.parse().ok()).ok_or(CallError::WrongReply)?;
        Ok(UNIX_EPOCH + Duration::from_secs(seconds))
    }

    async fn send(&mut self, key: Key<'_>, command: &Command<'_>) -> Result<Reply, CallError> {
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
            Command::GetOrAdd { number, expiry } => {
                let flags = [format!("J{number}"), format!("N{expiry}"), format!("T{expiry}")];
                let [number, expiry, new_expiry] = flags.each_ref().map(String::as_str);
                client.meta_increment(name, false, opaque, Some(0), Some(&["k", "v", number, expiry, new_expiry])).await
            }
            Command::Delete { version } => {
                let version = version.map(|version| format!("C{version}"));
                let flags: Vec<&str> = ["k"].into_iter().chain(version.as_deref()).collect();
                client.meta_delete(name, false, opaque, Some(&flags)).await
            }
        };
        let reply = match answer {
            // A reply without flags names neither key nor call.
            Ok(None) | Err(Error::Protocol(Status::NotFound)) => return Err(CallError::TooOld),
            Ok(Some(reply)) => reply,
            Err(error) => return Err(call_error(error)),
        };
        if reply.key.as_deref() != Some(name) || reply.opaque_token.as_deref() != opaque {
            return Err(CallError::WrongReply);
        }
        understand(reply, command)
    }
}

/// Tries all addresses of a name, each for its share of the time, because the host of the first one may not answer.
async fn connect_to_one_of(addresses: Vec<SocketAddr>, limit: Duration) -> Result<Client, CallError> {
    let share = limit / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    let mut failure = CallError::NoAddress;
    for address in addresses {
        let address = address.to_string();
        failure = match timeout(share, connect(format!("tcp://{address}"), &address)).await {
            Ok(Ok(client)) => return Ok(client),
            Ok(Err(error)) => error,
            Err(_) => CallError::NotConnected(address, io::ErrorKind::TimedOut.into()),
        };
    }
    Err(failure)
}

async fn connect(url: String, address: &str) -> Result<Client, CallError> {
    Client::new(url).await.map_err(|error| match error {
        Error::Connect(cause) => CallError::NotConnected(address.to_owned(), cause),
        error => call_error(error),
    })
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
        (Command::GetOrAdd { .. }, Some(Status::Value)) => {
            let text = String::from_utf8(reply.data.unwrap_or_default());
            text.ok().and_then(|text| text.parse().ok()).map(Reply::Number).ok_or(CallError::WrongReply)
        }
        (Command::Delete { .. }, Some(Status::Deleted)) => Ok(Reply::Deleted),
        (Command::Set { .. } | Command::Delete { .. }, Some(Status::Exists)) => Ok(Reply::Changed),
        _ => Err(CallError::WrongReply),
    }
}

/// Converts an error of the client library. No text of a server is passed on.
fn call_error(error: Error) -> CallError {
    match error {
        Error::Io(cause) | Error::Connect(cause) => CallError::Lost(cause),
        Error::ConnectionClosed => CallError::Lost(io::ErrorKind::NotConnected.into()),
        Error::Protocol(Status::Error(ErrorKind::NonexistentCommand)) => CallError::TooOld,
        Error::Protocol(Status::Error(ErrorKind::Client(said))) if said.contains("unauthenticated") => {
            CallError::AsksForPassword
        }
        Error::Protocol(Status::Error(ErrorKind::Client(said))) if said.contains("non-numeric") => {
            CallError::NotANumber
        }
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
        assert!(matches!(refused, Err(CallError::NotConnected(address, _)) if address == closed.to_string()));
        assert!(matches!(connect_to_one_of(Vec::new(), limit).await, Err(CallError::NoAddress)));
    }

    #[tokio::test]
    async fn names_are_resolved() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = server.local_addr().unwrap().port();
        for (host, connects) in [("localhost", true), ("127.0.0.1", true), ("no-such-host.invalid", false)] {
            let address = Address::Tcp { host: host.into(), port };
            assert_eq!(Connection::open(&address, Duration::from_secs(5)).await.is_ok(), connects, "{host}");
        }
    }
}
