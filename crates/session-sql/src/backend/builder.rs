//! Builds a [`SqlBackend`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use session_backend_support::{CallTimeout, PerRuntime};
use session_core::{JsonCodec, SessionCodec};
use tokio::sync::Semaphore;

use super::SqlBackend;
use super::application_pool::{ApplicationPool, SqlPool};
use crate::config_error::SqlConfigError;
use crate::dialect::Dialect;
#[cfg(not(feature = "django-db"))]
use crate::dialect::Dialect as ForAnyTable;
#[cfg(feature = "django-db")]
use crate::django::{Django, DjangoSql as ForAnyTable};
use crate::engine::Engine;
use crate::format::Format;
use crate::pool::Source;
use crate::store::Store;
use crate::sweep::Sweep;
use crate::table::Table;

/// Builds a [`SqlBackend`].
///
/// ```
/// use std::time::Duration;
/// use session_sql::SqlBackend;
///
/// # #[cfg(feature = "sqlite")]
/// let backend = SqlBackend::builder().timeout(Duration::from_millis(100)).connect("sqlite:sessions.db")?;
/// # Ok::<(), session_sql::SqlConfigError>(())
/// ```
#[must_use = "a builder does nothing until it connects"]
pub struct SqlBackendBuilder {
    layout: Layout,
    /// `None` for the default name of the layout.
    table: Option<Table>,
    codec: Box<dyn SessionCodec>,
    max_value_bytes: usize,
    timeout: Option<Duration>,
    breaker_threshold: u32,
    max_connections: usize,
    clean_up: Option<Duration>,
}

impl SqlBackendBuilder {
    /// Sets the name of the table; default `http_sessions`, or `django_session` after [`django`](Self::django). It may
    /// begin with the name of a schema and a dot.
    ///
    /// # Errors
    ///
    /// [`SqlConfigError::Table`] if the name does not consist of 1 to 48 letters, digits and underscores.
    pub fn table(mut self, name: &str) -> Result<Self, SqlConfigError> {
        self.table = Some(Table::parse(name)?);
        Ok(self)
    }

    /// Keeps sessions in the table of Django's engine `db`, as text that this codec writes: `DjangoDb` of
    /// session-compat. See the [crate's documentation](crate#the-table-of-django).
    #[cfg(feature = "django-db")]
    pub fn django(mut self, codec: impl SessionCodec) -> Self {
        self.layout = Layout::Django;
        self.codec(codec)
    }

    /// Sets the codec for stored sessions; default [`JsonCodec`], which any language can read.
    ///
    /// The codec of a configuration's [format](session_core::SessionConfigBuilder::format) is not used, because no
    /// other framework reads this library's table.
    ///
    /// For other codecs, the column `value` must have the type `bytea` on PostgreSQL and `longblob` on MySQL.
    /// [`create_table`](SqlBackend::create_table) uses the right type.
    pub fn codec(mut self, codec: impl SessionCodec) -> Self {
        self.codec = Box::new(codec);
        self
    }

    /// Sets the longest value that is written or read, in bytes; default 1 MiB. A longer value is an error of the kind
    /// [`TooLarge`](session_core::BackendErrorKind::TooLarge).
    pub fn max_value_bytes(mut self, bytes: usize) -> Self {
        self.max_value_bytes = bytes;
        self
    }

    /// Sets the longest time of a call, including connecting; default the [request
    /// deadline](session_core::SessionConfigBuilder::request_deadline) of the manager. Less than 10 ms counts as 10 ms.
    ///
    /// A timeout longer than the request deadline has no effect.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout.max(Duration::from_millis(10)));
        self
    }

    /// Sets the number of calls in a row without an answer after which calls fail fast; default 5. 0 counts as 1.
    ///
    /// A background task then probes the database, and the first answer ends this state. Each Tokio runtime counts its
    /// own calls.
    pub fn breaker_threshold(mut self, calls: u32) -> Self {
        self.breaker_threshold = calls;
        self
    }

    /// Sets the largest number of connections of each Tokio runtime; default 8. 0 counts as 1.
    ///
    /// An actix-web server has a runtime for each worker. With SQLite, each runtime has one more connection, which
    /// writes. A pool of the application keeps its own limit.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections.max(1);
        self
    }

    /// Sets the time between two clean-ups, which delete expired rows; default one minute. Less than a second counts as
    /// a second.
    pub fn clean_up_every(mut self, interval: Duration) -> Self {
        self.clean_up = Some(interval.max(Duration::from_secs(1)));
        self
    }

    /// Switches the clean-up off, so that expired rows stay in the table. Then schedule a job that calls
    /// [`SqlBackend::delete_expired`] or runs the statement in the [crate's documentation](crate#expired-rows).
    pub fn without_clean_up(mut self) -> Self {
        self.clean_up = None;
        self
    }

    /// Makes a backend for a URL; the [crate's documentation](crate) lists the URLs. It does not connect: calls open
    /// the connections that they need.
    ///
    /// # Errors
    ///
    /// [`SqlConfigError`] if the URL can't be used. A database that does not answer is not an error here.
    pub fn connect(self, url: &str) -> Result<SqlBackend, SqlConfigError> {
        match url.split(':').next().unwrap_or_default() {
            #[cfg(feature = "sqlite")]
            "sqlite" => {
                let (source, server) = crate::sqlite::connect(url, self.layout != Layout::Own)?;
                Ok(self.build::<crate::sqlite::SqliteDialect>(source, server))
            }
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => {
                let (source, server) = crate::postgres::connect(url)?;
                Ok(self.build::<crate::postgres::PostgresDialect>(source, server))
            }
            #[cfg(feature = "mysql")]
            "mysql" | "mariadb" => {
                let (source, server) = crate::mysql::connect(url)?;
                Ok(self.build::<crate::mysql::MySqlDialect>(source, server))
            }
            #[cfg(not(feature = "sqlite"))]
            "sqlite" => Err(SqlConfigError::NotCompiled { feature: "sqlite" }),
            #[cfg(not(feature = "postgres"))]
            "postgres" | "postgresql" => Err(SqlConfigError::NotCompiled { feature: "postgres" }),
            #[cfg(not(feature = "mysql"))]
            "mysql" | "mariadb" => Err(SqlConfigError::NotCompiled { feature: "mysql" }),
            _ => Err(SqlConfigError::Url),
        }
    }

    /// Makes a backend on a pool of the application.
    ///
    /// The pool keeps its settings; [the crate's documentation](crate#a-pool-of-the-application) lists those that
    /// matter.
    #[must_use]
    pub fn build_with_pool(self, pool: impl Into<SqlPool>) -> SqlBackend {
        match pool.into().0 {
            #[cfg(feature = "sqlite")]
            ApplicationPool::Sqlite(pool) => self.build_with::<crate::sqlite::SqliteDialect>(pool),
            #[cfg(feature = "postgres")]
            ApplicationPool::Postgres(pool) => self.build_with::<crate::postgres::PostgresDialect>(pool),
            #[cfg(feature = "mysql")]
            ApplicationPool::MySql(pool) => self.build_with::<crate::mysql::MySqlDialect>(pool),
        }
    }

    fn build_with<D: ForAnyTable>(self, pool: sqlx::Pool<D::Database>) -> SqlBackend {
        let server = D::server(&pool.connect_options());
        let connections = pool.options().get_max_connections() as usize;
        self.max_connections(connections).build::<D>(Source::Application(pool), server)
    }

    fn build<D: ForAnyTable>(self, source: Source<D::Database>, server: Arc<str>) -> SqlBackend {
        match self.layout {
            Layout::Own => self.build_for::<D>(source, server),
            #[cfg(feature = "django-db")]
            Layout::Django => self.build_for::<Django<D>>(source, server),
        }
    }

    fn build_for<D: Dialect>(self, source: Source<D::Database>, server: Arc<str>) -> SqlBackend {
        let Self { layout, table, codec, max_value_bytes, timeout, breaker_threshold, max_connections, clean_up } =
            self;
        let (is_own_table, timeout) = (layout == Layout::Own, CallTimeout::new(timeout));
        let is_text = !is_own_table || codec.is_json();
        let engine: Arc<dyn Engine> = Arc::new(Store {
            dialect: D::new(table.unwrap_or_else(|| layout.table()), codec.is_json()),
            source,
            max_connections,
            turn: Semaphore::new(1),
            timeout: timeout.clone(),
            breaker_threshold,
            outage: D::outage(server),
            sweep: clean_up.map(Sweep::every),
            states: PerRuntime::new(),
        });
        let format = Arc::new(Format { codec, is_text, max_value_bytes });
        SqlBackend { engine, format, timeout, is_own_table }
    }
}

/// The program to which the table belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Own,
    #[cfg(feature = "django-db")]
    Django,
}

impl Layout {
    /// Returns the table with its default name.
    fn table(self) -> Table {
        match self {
            Self::Own => Table::named("http_sessions"),
            #[cfg(feature = "django-db")]
            Self::Django => Table::named("django_session"),
        }
    }
}

impl Default for SqlBackendBuilder {
    fn default() -> Self {
        Self {
            layout: Layout::Own,
            table: None,
            codec: Box::new(JsonCodec),
            max_value_bytes: 1024 * 1024,
            timeout: None,
            breaker_threshold: 5,
            max_connections: 8,
            clean_up: Some(Duration::from_secs(60)),
        }
    }
}

impl fmt::Debug for SqlBackendBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlBackendBuilder")
            .field("layout", &self.layout)
            .field("table", &self.table.as_ref().map(Table::plain))
            .field("max_value_bytes", &self.max_value_bytes)
            .field("timeout", &self.timeout)
            .field("breaker_threshold", &self.breaker_threshold)
            .field("max_connections", &self.max_connections)
            .field("clean_up", &self.clean_up)
            .finish_non_exhaustive()
    }
}
