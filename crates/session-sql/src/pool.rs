//! Connections of this crate, or of a pool of the application.

use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use session_backend_support::Deadline;
use sqlx::pool::PoolConnection;
use sqlx::{Connection as _, Database};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{timeout, timeout_at};

use crate::dialect::{Connection, Dialect};
use crate::error::Failure;

/// The longest idle time after which a connection is used without a test. The server may have been stopped or restarted
/// since.
const TRUSTED: Duration = Duration::from_secs(1);

/// The age at which a connection is closed. The address may lead to another server by then, and firewalls may drop
/// connections silently.
const LONGEST_LIFE: Duration = Duration::from_secs(300);

/// The longest time for which waiting calls pass on a connection of the application while its pool has no other, and for
/// which the writer keeps one that it does not use. The connection then returns to the application's pool, where other
/// callers may wait for it.
pub(crate) const LONGEST_LOAN: Duration = Duration::from_millis(10);

/// Opens a connection for calls with this timeout.
pub(crate) type Connect<DB> = Arc<dyn Fn(Duration) -> Connecting<DB> + Send + Sync>;

type Connecting<DB> = Pin<Box<dyn Future<Output = Result<<DB as Database>::Connection, sqlx::Error>> + Send>>;

/// The source of connections.
pub(crate) enum Source<DB: Database> {
    Own(Connect<DB>),
    Application(sqlx::Pool<DB>),
}

/// The connections of one runtime.
///
/// Each runtime has its own, because a connection ends with the runtime that opened it, and makes no progress while a
/// handler blocks that runtime.
pub(crate) struct Pool<D: Dialect> {
    limit: usize,
    permits: Semaphore,
    state: Mutex<State<D>>,
}

struct State<D: Dialect> {
    /// The unused connections. The one that was used last is at the end.
    idle: Vec<Idle<D>>,
    /// The number of calls that wait for a connection. At most as many of the application's connections are kept in
    /// `idle`.
    waiting: usize,
}

struct Idle<D: Dialect> {
    connection: OpenConnection<D>,
    since: Instant,
}

struct OpenConnection<D: Dialect> {
    connection: OwnOrBorrowed<D>,
    made: Instant,
}

enum OwnOrBorrowed<D: Dialect> {
    Own(Connection<D>),
    /// Dropping it returns it to the application's pool.
    Borrowed(PoolConnection<D::Database>),
}

/// A connection in use by a request. Dropping it closes the connection, because a reply may still arrive.
pub(crate) struct PooledConnection<'a, D: Dialect> {
    /// `None` once it has been released.
    connection: Option<OpenConnection<D>>,
    /// The application's pool has others, so no caller there waits for this one.
    is_spare: bool,
    pool: &'a Pool<D>,
    _permit: SemaphorePermit<'a>,
}

impl<DB: Database> Source<DB> {
    /// Returns `true` if the application's pool has unused connections, so that no caller waits for one.
    pub(crate) fn has_idle(&self) -> bool {
        matches!(self, Self::Application(pool) if pool.num_idle() > 0)
    }

    /// Returns a connection that no other request uses.
    pub(crate) async fn acquire<'a, D: Dialect<Database = DB>>(
        &self,
        pool: &'a Pool<D>,
        deadline: Deadline,
    ) -> Result<PooledConnection<'a, D>, Failure> {
        let (permit, waiting) = pool.permit(deadline).await?;
        let connection = match pool.reuse(waiting, deadline).await {
            Some(connection) => connection,
            None => OpenConnection { connection: self.open::<D>(deadline).await?, made: Instant::now() },
        };
        Ok(PooledConnection { connection: Some(connection), is_spare: self.has_idle(), pool, _permit: permit })
    }

    async fn open<D: Dialect<Database = DB>>(&self, deadline: Deadline) -> Result<OwnOrBorrowed<D>, Failure> {
        let opened = match self {
            Self::Own(connect) => timeout_at(deadline.until(), connect(deadline.timeout()))
                .await
                .map(|opened| opened.map(OwnOrBorrowed::Own)),
            Self::Application(pool) => {
                timeout_at(deadline.until(), pool.acquire()).await.map(|opened| opened.map(OwnOrBorrowed::Borrowed))
            }
        };
        match (opened, self) {
            (Ok(Ok(connection)), _) => Ok(connection),
            (Ok(Err(error)), _) => Err(Failure::of_connecting::<D>(&error)),
            (Err(_), Self::Application(_)) => Err(Failure::of_connecting::<D>(&sqlx::Error::PoolTimedOut)),
            (Err(_), Self::Own(_)) => {
                let timeout = deadline.timeout();
                let cause = format!("no connection within {timeout:?}, the `timeout` of the backend");
                Err(Failure::unavailable::<D>(cause))
            }
        }
    }

    /// Returns a connection that does not belong to the pool, for work that takes long.
    pub(crate) async fn acquire_apart(&self, timeout: Duration) -> Result<DB::Connection, sqlx::Error> {
        match self {
            Self::Own(connect) => connect(timeout).await,
            Self::Application(pool) => Ok(pool.acquire().await?.detach()),
        }
    }
}

impl<D: Dialect> Pool<D> {
    /// Makes a pool of up to `limit` connections.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, permits: Semaphore::new(limit), state: Mutex::new(State { idle: Vec::new(), waiting: 0 }) }
    }

    /// Makes a pool of the one connection that writes. Between two calls it stays in the pool, until
    /// [`give_back`](Self::give_back) is called because no call waits.
    pub(crate) fn of_writer() -> Self {
        Self { state: Mutex::new(State { idle: Vec::new(), waiting: 1 }), ..Self::new(1) }
    }

    /// Returns the largest number of connections.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Makes a call count as one that waits for a connection, until the guard is dropped.
    pub(crate) fn wait(&self) -> Waiting<'_, D> {
        self.lock().waiting += 1;
        Waiting(self)
    }

    async fn permit(&self, deadline: Deadline) -> Result<(SemaphorePermit<'_>, Option<Waiting<'_, D>>), Failure> {
        if let Ok(permit) = self.permits.try_acquire() {
            return Ok((permit, None));
        }
        let waiting = self.wait();
        match timeout_at(deadline.until(), self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok((permit, Some(waiting))),
            _ => Err(Failure::queued::<D>(self.limit, deadline.timeout())),
        }
    }

    /// Returns an unused connection that works.
    async fn reuse(&self, waiting: Option<Waiting<'_, D>>, deadline: Deadline) -> Option<OpenConnection<D>> {
        let idle = self.lock().idle.pop();
        drop(waiting);
        let Idle { mut connection, since } = idle?;
        if D::IS_FILE {
            return Some(connection);
        }
        if connection.made.elapsed() > LONGEST_LIFE {
            return None;
        }
        if since.elapsed() < TRUSTED {
            return Some(connection);
        }
        // A host that has disappeared never answers, and a new connection needs the rest of the time.
        let ping_timeout = deadline.timeout() / 4;
        if matches!(timeout(ping_timeout, connection.ping()).await, Ok(Ok(()))) {
            return Some(connection);
        }
        // The others have been idle for longer, so they are probably broken too.
        self.close_idle();
        None
    }

    /// Closes the unused connections, because one of them has turned out to be broken.
    pub(crate) fn close_idle(&self) {
        drop(std::mem::take(&mut self.lock().idle));
    }

    /// Returns connections of the application to its pool, because no call waits for them.
    pub(crate) fn give_back(&self) {
        self.lock().idle.retain(|idle| !idle.connection.is_borrowed());
    }

    fn lock(&self) -> MutexGuard<'_, State<D>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that waits for a connection.
pub(crate) struct Waiting<'a, D: Dialect>(&'a Pool<D>);

impl<D: Dialect> Drop for Waiting<'_, D> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.waiting -= 1;
        // If this call's deadline has passed, it leaves behind the connection that was meant for it.
        if state.idle.len() > state.waiting && state.idle.last().is_some_and(|idle| idle.connection.is_borrowed()) {
            state.idle.pop();
        }
    }
}

impl<D: Dialect> OpenConnection<D> {
    fn is_borrowed(&self) -> bool {
        matches!(self.connection, OwnOrBorrowed::Borrowed(_))
    }
}

impl<D: Dialect> Deref for OpenConnection<D> {
    type Target = Connection<D>;

    fn deref(&self) -> &Self::Target {
        match &self.connection {
            OwnOrBorrowed::Own(connection) => connection,
            OwnOrBorrowed::Borrowed(connection) => connection,
        }
    }
}

impl<D: Dialect> DerefMut for OpenConnection<D> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        match &mut self.connection {
            OwnOrBorrowed::Own(connection) => connection,
            OwnOrBorrowed::Borrowed(connection) => connection,
        }
    }
}

impl<D: Dialect> PooledConnection<'_, D> {
    /// Returns the connection to its pool. No reply may be outstanding on it.
    pub(crate) fn release(mut self) {
        let Some(connection) = self.connection.take() else { return };
        let mut state = self.pool.lock();
        let is_missed = !self.is_spare && connection.made.elapsed() >= LONGEST_LOAN;
        let is_wanted = state.idle.len() < state.waiting && !is_missed;
        if is_wanted || !connection.is_borrowed() {
            state.idle.push(Idle { connection, since: Instant::now() });
        }
    }
}

impl<D: Dialect> Deref for PooledConnection<'_, D> {
    type Target = Connection<D>;

    fn deref(&self) -> &Self::Target {
        self.connection.as_ref().expect("only `release` and `drop` take it")
    }
}

impl<D: Dialect> DerefMut for PooledConnection<'_, D> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.connection.as_mut().expect("only `release` and `drop` take it")
    }
}

impl<D: Dialect> Drop for PooledConnection<'_, D> {
    fn drop(&mut self) {
        if let Some(OpenConnection { connection: OwnOrBorrowed::Borrowed(connection), .. }) = self.connection.take() {
            drop(connection.detach());
        }
    }
}
