//! The backend, which the session manager calls.

mod application_pool;
mod builder;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use session_backend_support::CallTimeout;
use session_core::{
    Applied, AtomicBackend, Backend, BackendError, BackendErrorKind, Create, IndexedSession, Marker, Remove, Replace,
    Rotate, ScanCursor, ScanPage, SessionScan, StoreFuture, Stored, Touch, UserIndex, WriteOutcome,
};

pub use application_pool::SqlPool;
pub use builder::SqlBackendBuilder;

use crate::config_error::SqlConfigError;
use crate::engine::Engine;
use crate::format::Format;
use crate::marker;
use crate::request::{ListedRow, Reply, Request, Row, Ttl};
use crate::table::SCHEMA_KEY;

/// The time by which a call may exceed its timeout. The call's own timer must fire first, because only the call knows
/// whether its request was sent.
const TIMEOUT_MARGIN: Duration = Duration::from_millis(10);

/// The version of the schema that this crate needs. The row under [`SCHEMA_KEY`] holds the version of a table.
const SCHEMA: &str = "schema 1";

/// Keeps sessions in a table of SQLite, PostgreSQL, MySQL or MariaDB. Clones share the connections.
#[derive(Clone)]
pub struct SqlBackend {
    engine: Arc<dyn Engine>,
    format: Arc<Format>,
    timeout: CallTimeout,
    /// `true` for this crate's own table, which has an index of users and can be scanned.
    is_own_table: bool,
}

impl SqlBackend {
    /// Makes a backend for a URL, with the defaults of the [builder](Self::builder).
    ///
    /// It does not connect: calls open the connections that they need. To test the database when the service starts,
    /// call [`check`](Self::check).
    ///
    /// # Errors
    ///
    /// [`SqlConfigError`] if the URL can't be used. A database that does not answer is not an error here.
    pub fn connect(url: &str) -> Result<Self, SqlConfigError> {
        Self::builder().connect(url)
    }

    /// Makes a backend on a pool of the application; see [`SqlBackendBuilder::build_with_pool`].
    #[must_use]
    pub fn from_pool(pool: impl Into<SqlPool>) -> Self {
        Self::builder().build_with_pool(pool)
    }

    /// Starts a builder with the defaults.
    pub fn builder() -> SqlBackendBuilder {
        SqlBackendBuilder::default()
    }

    /// Creates the table and its indexes if they are missing. Calling it again changes nothing.
    ///
    /// The database user needs the right to create tables. To create the table in another way, run the SQL file for
    /// your database in the folder `schema` of this crate.
    ///
    /// # Errors
    ///
    /// If the database does not answer or refuses, or if the table exists with another version of the schema.
    pub async fn create_table(&self) -> Result<(), BackendError> {
        self.engine.clone().create_table().await?;
        self.check().await
    }

    /// Tests that the database answers, and that the table has the version of the schema that this crate needs.
    ///
    /// # Errors
    ///
    /// If the database does not answer, if the table is missing, or if it has another version of the schema.
    pub async fn check(&self) -> Result<(), BackendError> {
        let found = match self.call(Request::Marker { key: SCHEMA_KEY.to_owned() }).await? {
            Reply::Found(Some(Row { marker: Some(version), .. })) => version,
            _ => "no version".to_owned(),
        };
        if found == SCHEMA {
            return Ok(());
        }
        let cause = format!("the table has {found}, and this version of session-sql needs {SCHEMA}");
        Err(BackendError::new(BackendErrorKind::Other, Applied::No).with_source(cause))
    }

    /// Deletes a batch of expired rows, and returns their number. It is meant for programs that schedule the clean-up
    /// themselves.
    ///
    /// It deletes up to 500 rows that expired before the current hour. It returns 0 if no such rows are left, or if
    /// another server is cleaning up.
    ///
    /// # Errors
    ///
    /// If the database does not answer or refuses.
    pub async fn delete_expired(&self) -> Result<u64, BackendError> {
        loop {
            let swept = self.engine.clone().sweep().await?;
            if swept.deleted > 0 || !swept.is_full() {
                return Ok(swept.deleted);
            }
        }
    }

    /// Returns the time by the database's clock, in whole seconds. It is meant for tools that compare clocks.
    ///
    /// # Errors
    ///
    /// If the database does not answer or refuses.
    pub async fn server_time(&self) -> Result<SystemTime, BackendError> {
        match self.call(Request::Time).await? {
            Reply::Number(seconds) => Ok(UNIX_EPOCH + Duration::from_secs(seconds)),
            _ => Err(BackendError::new(BackendErrorKind::Other, Applied::No)),
        }
    }

    async fn call(&self, request: Request) -> Result<Reply, BackendError> {
        self.engine.clone().call(request).await
    }

    async fn fetch(&self, key: &str) -> Result<Option<Stored>, BackendError> {
        match self.call(Request::Fetch { key: key.to_owned() }).await? {
            Reply::Found(Some(row)) => self.stored(key, &row).map(Some),
            _ => Ok(None),
        }
    }

    async fn create(&self, create: Create<'_>) -> Result<WriteOutcome, BackendError> {
        let (value, version) = self.format.encode(create.key, create.session)?;
        let (key, ttl, user) = (create.key.to_owned(), Ttl::new(create.ttl), create.user.map(str::to_owned));
        let request = Request::Create { key, value, ttl, user };
        Ok(match self.call(request).await? {
            Reply::Done => WriteOutcome::Done(version),
            reply => new_key_taken(reply),
        })
    }

    async fn replace(&self, replace: Replace<'_>) -> Result<WriteOutcome, BackendError> {
        let (value, version) = self.format.encode(replace.key, replace.session)?;
        let (key, ttl, user) = (replace.key.to_owned(), Ttl::new(replace.ttl), replace.user.map(str::to_owned));
        let reply = self.call(Request::Replace { key, value, ttl, version: replace.version.clone(), user }).await?;
        self.at_version(replace.key, reply, version)
    }

    async fn remove(&self, remove: Remove<'_>) -> Result<WriteOutcome<()>, BackendError> {
        let (key, version) = (remove.key.to_owned(), remove.version.cloned());
        match self.call(Request::Remove { key, version, marker: remove.marker }).await? {
            Reply::Left => Ok(WriteOutcome::Gone(None)),
            reply => self.at_version(remove.key, reply, ()),
        }
    }

    async fn touch(&self, touch: Touch<'_>) -> Result<bool, BackendError> {
        let (key, ttl, user) = (touch.key.to_owned(), Ttl::new(touch.ttl), touch.user.map(str::to_owned));
        let reply = self.call(Request::Touch { key, ttl, user }).await?;
        Ok(matches!(reply, Reply::Done))
    }

    async fn rotate(&self, rotate: Rotate<'_>) -> Result<WriteOutcome, BackendError> {
        if rotate.old == rotate.new {
            let replace = Replace::new(rotate.old, rotate.session, rotate.ttl, rotate.version);
            return self.replace(replace.of_user(rotate.user)).await;
        }
        let (value, version) = self.format.encode(rotate.new, rotate.session)?;
        let (old, new, ttl) = (rotate.old.to_owned(), rotate.new.to_owned(), Ttl::new(rotate.ttl));
        let (version_of_old, user) = (rotate.version.clone(), rotate.user.map(str::to_owned));
        let request = Request::Rotate { old, new, value, ttl, version: version_of_old, user };
        match self.call(request).await? {
            reply @ Reply::NewKeyTaken(_) => Ok(new_key_taken(reply)),
            reply => self.at_version(rotate.old, reply, version),
        }
    }

    async fn marker(&self, key: &str) -> Result<Option<Marker>, BackendError> {
        match self.call(Request::Marker { key: key.to_owned() }).await? {
            Reply::Found(Some(row)) => Ok(marker_of(&row)),
            _ => Ok(None),
        }
    }

    async fn list(&self, user: &str) -> Result<Vec<IndexedSession>, BackendError> {
        match self.call(Request::List { user: user.to_owned() }).await? {
            Reply::Listed(rows) => Ok(rows.into_iter().map(|row| self.listed(row)).collect()),
            _ => Ok(Vec::new()),
        }
    }

    /// Returns a page in the order of keys, which are printable ASCII. The cursor is the key of the page's last
    /// session.
    async fn page(&self, key_prefix: &str, after: Option<&ScanCursor>) -> Result<ScanPage, BackendError> {
        let after = after.map_or(key_prefix, ScanCursor::as_str).max(key_prefix).to_owned();
        let request = Request::Scan { after, before: format!("{key_prefix}\u{7f}") };
        let Reply::Listed(rows) = self.call(request).await? else { return Ok(ScanPage::new(Vec::new(), None)) };
        let next = rows.last().map(|row| ScanCursor::new(&*row.key));
        Ok(ScanPage::new(rows.into_iter().map(|row| self.listed(row)).collect(), next))
    }

    fn listed(&self, row: ListedRow) -> IndexedSession {
        let stored = row.value.and_then(|value| self.format.decode_under(&row.key, &value).ok());
        let left = Duration::from_millis(row.millis_left.try_into().unwrap_or_default());
        IndexedSession::new(row.key, stored).expiring_in(left)
    }

    /// Returns the outcome of a write that compares with a version.
    fn at_version<T>(&self, key: &str, reply: Reply, done: T) -> Result<WriteOutcome<T>, BackendError> {
        Ok(match reply {
            Reply::Done => WriteOutcome::Done(done),
            Reply::Found(Some(row)) if row.marker.is_none() => WriteOutcome::Conflict(Some(self.stored(key, &row)?)),
            Reply::Found(row) => WriteOutcome::Gone(row.as_ref().and_then(marker_of)),
            _ => WriteOutcome::Gone(None),
        })
    }

    fn stored(&self, key: &str, row: &Row) -> Result<Stored, BackendError> {
        match &row.value {
            Some(value) => self.format.decode_under(key, value),
            None => Err(BackendError::new(BackendErrorKind::Corrupt, Applied::No).with_source("the value is NULL")),
        }
    }
}

/// Returns the outcome of a write to a new key that has a row.
fn new_key_taken(reply: Reply) -> WriteOutcome {
    match reply {
        Reply::Found(Some(row)) | Reply::NewKeyTaken(row) if row.marker.is_some() => {
            WriteOutcome::Gone(marker_of(&row))
        }
        _ => WriteOutcome::Conflict(None),
    }
}

fn marker_of(row: &Row) -> Option<Marker> {
    marker::read(row.marker.as_deref()?)
}

impl AtomicBackend for SqlBackend {
    fn fetch<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Stored>> {
        StoreFuture::pending(self.fetch(key))
    }

    fn create<'a>(&'a self, create: Create<'a>) -> StoreFuture<'a, WriteOutcome> {
        StoreFuture::pending(self.create(create))
    }

    fn replace<'a>(&'a self, replace: Replace<'a>) -> StoreFuture<'a, WriteOutcome> {
        StoreFuture::pending(self.replace(replace))
    }

    fn remove<'a>(&'a self, remove: Remove<'a>) -> StoreFuture<'a, WriteOutcome<()>> {
        StoreFuture::pending(self.remove(remove))
    }

    fn touch<'a>(&'a self, touch: Touch<'a>) -> StoreFuture<'a, bool> {
        StoreFuture::pending(self.touch(touch))
    }

    fn rotate<'a>(&'a self, rotate: Rotate<'a>) -> StoreFuture<'a, WriteOutcome> {
        StoreFuture::pending(self.rotate(rotate))
    }

    fn marker<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Marker>> {
        StoreFuture::pending(self.marker(key))
    }

    fn name(&self) -> &'static str {
        self.engine.name()
    }

    fn call_timeout(&self) -> Option<Duration> {
        Some(self.timeout.get() + TIMEOUT_MARGIN)
    }

    fn follow_deadline(&self, deadline: Duration) {
        self.timeout.follow(deadline);
    }

    fn user_index(&self) -> Option<&dyn UserIndex> {
        self.is_own_table.then_some(self)
    }

    fn session_scan(&self) -> Option<&dyn SessionScan> {
        self.is_own_table.then_some(self)
    }
}

impl UserIndex for SqlBackend {
    fn sessions<'a>(&'a self, user: &'a str) -> StoreFuture<'a, Vec<IndexedSession>> {
        StoreFuture::pending(self.list(user))
    }

    fn count<'a>(&'a self, key_prefix: &'a str) -> StoreFuture<'a, u64> {
        StoreFuture::pending(self.engine.clone().count(key_prefix.to_owned()))
    }
}

impl SessionScan for SqlBackend {
    fn page<'a>(&'a self, key_prefix: &'a str, after: Option<&'a ScanCursor>) -> StoreFuture<'a, ScanPage> {
        StoreFuture::pending(self.page(key_prefix, after))
    }
}

impl From<SqlBackend> for Backend {
    fn from(backend: SqlBackend) -> Self {
        Self::atomic(backend)
    }
}

impl fmt::Debug for SqlBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlBackend").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
