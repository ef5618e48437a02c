//! Connections of this crate, or of a pool of the application.

use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use session_backend_support::Deadline;
use sqlx::pool::PoolConnection;
use sqlx::{Connection as _, Database};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{timeout, timeout_at};

use crate::dialect::{Connection, Dialect};
use crate::error::Failure;

/// The longest idle time after which a connection is used without a test. The server may have been stopped or restarted
/// since.
const TRUSTED: Duration = Duration::from_secs(1);

/// The age at which a connection is closed. The address may lead to another server by then, and firewalls may drop
/// connections silently.
const LONGEST_LIFE: Duration = Duration::from_secs(300);

/// Opens a connection for calls with this timeout.
pub(crate) type Connect<DB> = Arc<dyn Fn(Duration) -> Connecting<DB> + Send + Sync>;

type Connecting<DB> = Pin<Box<dyn Future<Output = Result<<DB as Database>::Connection, sqlx::Error>> + Send>>;

/// The source of connections.
pub(crate) enum Source<DB: Database> {
    Own(Connect<DB>),
    Application(sqlx::Pool<DB>),
}

/// The unused connections of one runtime.
///
/// Each runtime has its own, because a connection ends with the runtime that opened it, and makes no progress while a
/// handler blocks that runtime.
pub(crate) struct Pool<D: Dialect> {
    limit: usize,
    permits: Arc<Semaphore>,
    /// The connection that was used last is at the end.
    idle: Mutex<Vec<Idle<D>>>,
}

struct Idle<D: Dialect> {
    connection: Aged<D>,
    since: Instant,
}

struct Aged<D: Dialect> {
    connection: Connection<D>,
    made: Instant,
}

/// A connection in use by a request. Dropping it closes the connection, because a reply may still arrive.
pub(crate) struct Lease<D: Dialect>(Option<Leased<D>>);

enum Leased<D: Dialect> {
    Own { connection: Aged<D>, pool: Arc<Pool<D>>, permit: OwnedSemaphorePermit },
    Application(PoolConnection<D::Database>),
}

impl<DB: Database> Source<DB> {
    /// Returns a connection that no other request uses.
    pub(crate) async fn acquire<D: Dialect<Database = DB>>(
        &self,
        pool: &Arc<Pool<D>>,
        deadline: Deadline,
    ) -> Result<Lease<D>, Failure> {
        let leased = match self {
            Self::Own(connect) => {
                let permit = pool.permit(deadline).await?;
                let connection = match pool.reuse(deadline).await {
                    Some(connection) => connection,
                    None => Aged { connection: new_connection::<D>(connect, deadline).await?, made: Instant::now() },
                };
                Leased::Own { connection, pool: pool.clone(), permit }
            }
            Self::Application(pool) => match timeout_at(deadline.until(), pool.acquire()).await {
                Ok(Ok(connection)) => Leased::Application(connection),
                Ok(Err(error)) => return Err(Failure::of_connecting::<D>(&error)),
                Err(_) => return Err(Failure::of_connecting::<D>(&sqlx::Error::PoolTimedOut)),
            },
        };
        Ok(Lease(Some(leased)))
    }

    /// Returns a connection that does not belong to the pool, for work that takes long.
    pub(crate) async fn acquire_apart(&self, timeout: Duration) -> Result<DB::Connection, sqlx::Error> {
        match self {
            Self::Own(connect) => connect(timeout).await,
            Self::Application(pool) => Ok(pool.acquire().await?.detach()),
        }
    }
}

async fn new_connection<D: Dialect>(
    connect: &Connect<D::Database>,
    deadline: Deadline,
) -> Result<Connection<D>, Failure> {
    match timeout_at(deadline.until(), connect(deadline.timeout())).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(Failure::of_connecting::<D>(&error)),
        Err(_) => {
            let timeout = deadline.timeout();
            Err(Failure::unavailable::<D>(format!("no connection within {timeout:?}, the `timeout` of the backend")))
        }
    }
}

impl<D: Dialect> Pool<D> {
    /// Makes a pool of up to `limit` connections.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, permits: Arc::new(Semaphore::new(limit)), idle: Mutex::default() }
    }

    async fn permit(&self, deadline: Deadline) -> Result<OwnedSemaphorePermit, Failure> {
        match timeout_at(deadline.until(), self.permits.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Failure::queued::<D>(self.limit, deadline.timeout())),
        }
    }

    /// Returns an unused connection that works.
    async fn reuse(&self, deadline: Deadline) -> Option<Aged<D>> {
        let Idle { mut connection, since } = self.idle().pop()?;
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
        if matches!(timeout(ping_timeout, connection.connection.ping()).await, Ok(Ok(()))) {
            return Some(connection);
        }
        // The others have been idle for longer, so they are probably broken too.
        self.close_idle();
        None
    }

    /// Closes the unused connections, because one of them has turned out to be broken.
    pub(crate) fn close_idle(&self) {
        drop(std::mem::take(&mut *self.idle()));
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle<D>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Dialect> Lease<D> {
    /// Returns the connection to its pool. No reply may be outstanding on it.
    pub(crate) fn release(mut self) {
        match self.0.take() {
            Some(Leased::Own { connection, pool, permit }) => {
                pool.idle().push(Idle { connection, since: Instant::now() });
                drop(permit);
            }
            // Dropping it returns it to the application's pool.
            application => drop(application),
        }
    }
}

impl<D: Dialect> Deref for Lease<D> {
    type Target = Connection<D>;

    fn deref(&self) -> &Self::Target {
        match &self.0 {
            Some(Leased::Own { connection, .. }) => &connection.connection,
            Some(Leased::Application(connection)) => connection,
            None => unreachable!("only `release` and `drop` take it"),
        }
    }
}

impl<D: Dialect> DerefMut for Lease<D> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        match &mut self.0 {
            Some(Leased::Own { connection, .. }) => &mut connection.connection,
            Some(Leased::Application(connection)) => connection,
            None => unreachable!("only `release` and `drop` take it"),
        }
    }
}

impl<D: Dialect> Drop for Lease<D> {
    fn drop(&mut self) {
        if let Some(Leased::Application(connection)) = self.0.take() {
            drop(connection.detach());
        }
    }
}
