//! The connections of one runtime to one node.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::connection::Connection;

/// The time after which an idle connection is not used any more. Firewalls and address translators may drop an idle
/// connection silently.
const LONGEST_IDLE_TIME: Duration = Duration::from_secs(30);

/// The idle connections, and the turns of the calls.
///
/// A connection is taken out for a call, and put back only after its reply was read and belongs to the call. Otherwise,
/// for example if the call is cancelled, it is dropped, which closes it.
pub(crate) struct Pool {
    turns: Semaphore,
    /// Ordered by their last use, the latest at the end. A call takes that one, so connections that are not needed grow
    /// old.
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    /// Makes a pool in which this many calls can have a turn at the same time.
    pub(crate) fn new(connections: usize) -> Self {
        Self { turns: Semaphore::new(connections.min(Semaphore::MAX_PERMITS)), idle: Mutex::default() }
    }

    /// Waits for the turn of a call, which lasts as long as the returned value.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // Never an error, because the semaphore is never closed.
        self.turns.acquire().await.ok()
    }

    /// Takes the idle connection that was used last, if there is one.
    pub(crate) fn take(&self) -> Option<Connection> {
        let mut idle = self.idle();
        let connection = idle.pop()?;
        if connection.idle_time() >= LONGEST_IDLE_TIME {
            idle.clear();
            return None;
        }
        Some(connection)
    }

    pub(crate) fn put(&self, connection: Connection) {
        self.idle().push(connection);
    }

    /// Closes the idle connections.
    pub(crate) fn clear(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio::time::{advance, pause};

    use super::*;
    use crate::address::Address;

    #[tokio::test]
    async fn a_connection_that_has_waited_for_long_is_not_used_again() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::Tcp { host: "127.0.0.1".into(), port: server.local_addr().unwrap().port() };
        let pool = Pool::new(2);
        let connections = [(); 2].map(|()| Connection::open(&address, Duration::from_secs(20)));
        for connection in connections {
            pool.put(connection.await.unwrap());
        }
        pause();
        advance(LONGEST_IDLE_TIME - Duration::from_millis(1)).await;
        pool.put(pool.take().expect("it has not waited for long"));
        advance(Duration::from_millis(1)).await;
        assert!(pool.take().is_none());
        assert!(pool.idle().is_empty(), "those below have waited for longer");
    }
}
