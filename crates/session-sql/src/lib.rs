//! HTTP sessions in a table of SQLite, PostgreSQL, MySQL or MariaDB.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! use session_core::SessionConfig;
//! use session_sql::SqlBackend;
//!
//! let sessions = SqlBackend::connect("sqlite:sessions.db")?;
//! sessions.create_table().await?;
//! let config = SessionConfig::builder(std::env::var("SESSION_SECRET")?, "session").backend(sessions).build()?;
//! # Ok(())
//! # }
//! ```
//!
//! SQLite needs no server: it is compiled in, and a restart of the service logs no user out. On all databases the
//! backend uses compare-and-set, so that no update is lost and a logout is final between all processes that use the
//! table.
//!
//! | feature | URL | database |
//! |---|---|---|
//! | `sqlite` | `sqlite:sessions.db`, `sqlite:///var/lib/app/sessions.db` | SQLite, compiled in |
//! | `postgres` | `postgres://user:password@host:5432/database` | PostgreSQL 12 or later |
//! | `mysql` | `mysql://user:password@host:3306/database`, `mariadb://…` | MySQL 8.0.13, MariaDB 10.5, or later |
//! | `django-db` | any of these | the [table of Django](#the-table-of-django) |
//! | `tls` | `?sslmode=verify-full` (PostgreSQL), `?ssl-mode=VERIFY_IDENTITY` (MySQL) | connections by rustls |
//!
//! No feature is enabled by default, and only the databases whose features are enabled are compiled. A URL can have the
//! parameters of [sqlx](https://docs.rs/sqlx/0.9); an unknown parameter is refused. Without the feature `tls`, a URL
//! that asks for TLS is refused. This crate needs Rust 1.94, because sqlx needs it. The other crates of the project,
//! except `session-cli`, need 1.88.
//!
//! # Settings
//!
//! | setting of [`SqlBackend::builder`] | default |
//! |---|---|
//! | [`table`](SqlBackendBuilder::table) | `http_sessions` |
//! | [`timeout`](SqlBackendBuilder::timeout) of a call, including connecting | the request deadline |
//! | [`max_connections`](SqlBackendBuilder::max_connections) of each runtime | 8 |
//! | [`breaker_threshold`](SqlBackendBuilder::breaker_threshold), the number of calls without an answer after which calls fail fast | 5 |
//! | [`clean_up_every`](SqlBackendBuilder::clean_up_every), or [never](SqlBackendBuilder::without_clean_up) | one minute |
//! | [`max_value_bytes`](SqlBackendBuilder::max_value_bytes) | 1 MiB |
//! | [`codec`](SqlBackendBuilder::codec) | JSON |
//!
//! # The table
//!
//! [`SqlBackend::create_table`] creates the table `http_sessions`, or a table with [another
//! name](SqlBackendBuilder::table), and its indexes. No other call changes the schema. To create the table by hand or
//! with a migration tool, run `schema/sqlite.sql`, `schema/postgres.sql` or `schema/mysql.sql` of this crate. A row of
//! the table holds the version of its schema, which [`SqlBackend::check`] compares.
//!
//! | column | content |
//! |---|---|
//! | `session_key` | the key that the configuration makes: `session:` and the id |
//! | `value` | the session, by default as JSON text that any language can read; NULL in the row of a marker |
//! | `marker` | the marker that a destroyed or renewed session leaves for a minute; NULL in the row of a session |
//! | `user_id` | the user who is signed in, after the prefix of keys: `session:user:ann`; an index finds a user's sessions |
//! | `expires_at`, `created_at`, `seen_at` | times by the clock of the database; in SQLite milliseconds since 1970 |
//! | `due_hour` | an hour, counted since 1970, after which the [clean-up](#expired-rows) looks at the row |
//!
//! A row whose `expires_at` has passed counts as absent. A session key is as sensitive as a password, so protect the
//! table, and remember that its backups contain logins.
//!
//! Once the table exists, the database user needs only these rights:
//!
//! ```sql
//! GRANT SELECT, INSERT, UPDATE, DELETE ON http_sessions TO app;
//! ```
//!
//! ## Other programs
//!
//! Other programs may read and write the table. To insert a session, they must set `session_key`, `value` and
//! `expires_at`; the other columns have defaults. They need not maintain a version, because a write of this crate is
//! applied only if `value` is still the value that was read. SQLite compares it as text, servers by its SHA-256. A
//! value that was changed and changed back counts as unchanged. A program that logs a user out should not delete the
//! row, but replace the session by a marker. Requests in flight then learn of the logout. On PostgreSQL:
//!
//! ```sql
//! UPDATE http_sessions SET value = NULL, marker = 'destroyed', expires_at = now() + interval '60 seconds',
//!     due_hour = DEFAULT WHERE session_key = 'session:…' AND marker IS NULL;
//! ```
//!
//! This ends all sessions of a user on PostgreSQL, as `SessionManager::revoke_all` does:
//!
//! ```sql
//! UPDATE http_sessions SET value = NULL, marker = 'destroyed', user_id = NULL, expires_at = now() + interval '60 seconds',
//!     due_hour = DEFAULT WHERE user_id = 'session:user:ann' AND marker IS NULL;
//! ```
//!
//! MySQL computes `due_hour` itself. On PostgreSQL and SQLite the default is 0, so the next clean-up looks at the row,
//! and gives it its hour.
//!
//! ## Expired rows
//!
//! Every minute a task deletes the rows that expired before the current hour, in batches of 500 with a pause after
//! each. So a row stays for up to an hour after its expiry. An advisory lock on PostgreSQL and a named lock on MySQL
//! make sure that only one server cleans up at a time. No table is locked.
//!
//! The task finds rows by `due_hour`. On PostgreSQL and SQLite this is the hour of the first expiry: writes that extend a
//! session leave it, so that they change no index. Once the hour is over, the task deletes the row, or gives it the
//! hour of its new expiry.
//!
//! [`SqlBackendBuilder::clean_up_every`] sets the interval. To schedule the clean-up yourself, switch the task
//! [off](SqlBackendBuilder::without_clean_up), and call [`SqlBackend::delete_expired`] until it returns 0. Or run these
//! statements until the second one deletes no more rows:
//!
//! ```sql
//! -- PostgreSQL
//! UPDATE http_sessions SET due_hour = floor(extract(epoch FROM expires_at) / 3600)
//!     WHERE due_hour < floor(extract(epoch FROM now()) / 3600)::integer AND expires_at > now();
//! DELETE FROM http_sessions WHERE session_key = ANY (ARRAY(SELECT session_key FROM http_sessions
//!     WHERE due_hour < floor(extract(epoch FROM now()) / 3600)::integer LIMIT 500 FOR UPDATE SKIP LOCKED))
//!     AND expires_at <= now();
//! -- SQLite
//! UPDATE http_sessions SET due_hour = expires_at / 3600000
//!     WHERE due_hour < strftime('%s', 'now') / 3600 AND expires_at > strftime('%s', 'now') * 1000;
//! DELETE FROM http_sessions WHERE session_key IN (SELECT session_key FROM http_sessions
//!     WHERE due_hour < strftime('%s', 'now') / 3600 LIMIT 500) AND expires_at <= strftime('%s', 'now') * 1000;
//! -- MySQL, without the first statement
//! DELETE FROM http_sessions WHERE due_hour < TIMESTAMPDIFF(HOUR, '1970-01-01', UTC_TIMESTAMP()) LIMIT 500;
//! ```
//!
//! The task deletes a million expired rows in 2,000 batches, which take about four minutes. We measured it beside a
//! million sessions and 8 writers, on a busy machine with two cores. The 99th percentile of the writes stayed at 35 ms
//! on PostgreSQL. On SQLite it rose from 3 ms to 12 ms, because a write waits for the batch that is under way.
//!
//! # The table of Django
//!
//! With the feature `django-db`, [`SqlBackendBuilder::django`] keeps sessions in `django_session`, the table of
//! Django's engine `db`. The codec is `DjangoDb` of session-compat, whose documentation explains how to move a service.
//!
//! ```
//! # #[cfg(all(feature = "django-db", feature = "postgres"))]
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! use session_compat::DjangoDb;
//! use session_core::SessionConfig;
//! use session_sql::SqlBackend;
//!
//! let django = DjangoDb::new(std::env::var("SECRET_KEY")?);
//! let sessions = SqlBackend::builder().django(django.clone()).connect("postgres://app@localhost/site")?;
//! sessions.create_table().await?;
//! let secret = std::env::var("SESSION_SECRET")?;
//! let config = SessionConfig::builder(secret, DjangoDb::COOKIE_NAME).format(django).backend(sessions).build()?;
//! # Ok(())
//! # }
//! ```
//!
//! - Django's migrations create `django_session`, and this crate does not change its schema. Rows have Django's form,
//!   and `expire_date` is in UTC, as with Django's `USE_TZ = True`.
//! - The markers of removed sessions are in `django_session_markers`. [`SqlBackend::create_table`] creates that table.
//!   To create it in another way, run `schema/django-sqlite.sql`, `schema/django-postgres.sql` or
//!   `schema/django-mysql.sql` of this crate. The database user needs SELECT, INSERT, UPDATE and DELETE on both tables.
//! - A write is applied only if `session_data` is still the value that was read. A write or a removal by Django leads
//!   to a conflict, like one by another Rust service.
//! - The clean-up deletes expired markers only. Django's command `clearsessions` deletes expired rows.
//! - An SQLite file must exist. It keeps its journal mode; `PRAGMA journal_mode = WAL` lets readers and the writer work at the
//!   same time, in Django too.
//! - Keys have at most 40 characters. New ids have 22, and a key prefix is rarely needed.
//! - There is no index of users, no count and no scan, because Django's table has no columns for them.
//!
//! On servers, `create` and `remove` take 4 round trips and `rotate` takes 6, because they write both tables in one
//! transaction. Other calls take 1, or 2 if the version is outdated. On MySQL, a removal or rotation within a minute of
//! the creation takes 2 more.
//!
//! # Round trips
//!
//! | call | SQLite, PostgreSQL | MySQL, MariaDB |
//! |---|---|---|
//! | `fetch`, `create`, `replace`, `remove`, `touch`, `marker` | 1 | 1 |
//! | `replace` or `remove` at an outdated version, which returns the current session | 2 | 2 |
//! | `rotate` | 1 | 4 |
//!
//! A change of a session that the database does not know takes three round trips: `fetch`, `marker` and `create`. A
//! read of an unknown session takes one.
//!
//! A new connection prepares each statement once. If a connection to a server was idle for a second, the next call
//! costs one more round trip, which tests the connection.
//!
//! # Isolation
//!
//! A write compares the stored value and replaces it in one statement, so no other write can come in between. If the
//! row does not match, a second statement reads the current row. It runs apart from the first one, so it sees the write
//! that won, or a later one. If the row matches again by then, the session manager retries the write.
//!
//! - **PostgreSQL** works at READ COMMITTED. An `UPDATE` that has waited for another transaction compares the row again
//!   after that transaction's write. Writes that wait for a connection share the next one's transaction, up to 16, and
//!   so its flush. They lock their rows in the order of the keys, and each has an outcome of its own. A rotation always
//!   is a transaction of its own.
//! - **MySQL and MariaDB** work at READ COMMITTED. At any isolation level, an `UPDATE` locks the newest row and
//!   compares it. A rotation is a short transaction: it inserts the new row, then compares and marks the old one.
//! - **SQLite** has one writer at a time, among all processes. Writes of a process that wait at the same time share a
//!   transaction. Each write has an outcome of its own, and is answered after the commit.
//!
//! # Durability
//!
//! PostgreSQL and MySQL acknowledge a write when it is on disk, unless they are configured otherwise. SQLite works in
//! WAL mode with `synchronous = NORMAL`: a write survives the end of the process, even by `kill -9`. A power failure or
//! a crash of the operating system may undo the last writes, which may include a login or a *logout*; the file stays
//! consistent. To avoid this, pass a pool with `SqliteSynchronous::Full` to [`SqlBackend::from_pool`]. Each write then
//! costs a flush.
//!
//! # SQLite
//!
//! The file is created with the permissions 0600, and so are the files beside it. Several processes may share it on one
//! machine; a network file system is not safe. SQLite has one writer at a time. The writes of a process take turns in a
//! queue, and up to 64 that wait share a commit. Between processes SQLite polls for its lock, for at most nine tenths
//! of the [timeout](SqlBackendBuilder::timeout). Readers never wait for writers. Copy the file only by `VACUUM INTO` or
//! the backup command of `sqlite3`, and replace it only while no process uses it.
//!
//! # Connections and runtimes
//!
//! The crate needs Tokio. Calls open the connections that they need, within their timeout, up to
//! [`max_connections`](SqlBackendBuilder::max_connections) for each runtime. A connection belongs to the Tokio runtime
//! that opened it, so a backend in a `static` can serve the runtimes of many tests. A handler that blocks the only
//! thread of its runtime (actix-web has one runtime for each worker) delays no call of another runtime.
//!
//! If a request is dropped because its client has disconnected, its call still runs to the end, and its connection
//! stays usable. A connection whose reply did not come in time is closed.
//!
//! On PostgreSQL each connection sets `statement_timeout` and `lock_timeout`, so that a statement ends with its call. A
//! PgBouncer in between needs `ignore_startup_parameters = options` and `max_prepared_statements` above 0. Without TLS,
//! MySQL's `caching_sha2_password` works only after the server has cached the password, so use the feature `tls`.
//!
//! ## A pool of the application
//!
//! [`SqlBackend::from_pool`] takes a pool of sqlx. It keeps its settings:
//!
//! - sqlx sends a ping when a connection is returned, and another before it is taken, unless
//!   `test_before_acquire(false)` is set. While calls wait, they pass a connection on without a ping. It returns to the pool
//!   after 10 ms, unless the pool has others. Writes to an SQLite file keep a connection in the same way, and for up to
//!   10 ms after the last one.
//! - A pool belongs to the runtime that made it, so it can't serve the runtimes of several tests.
//! - Statements may outlast their call, unless the connections have a `statement_timeout`.
//! - For SQLite set `journal_mode(Wal)`, and a `busy_timeout` below the [timeout](SqlBackendBuilder::timeout).
//!
//! Any isolation level works: after a serialization failure or a deadlock, the call is retried until the deadline.
//!
//! # Outages
//!
//! Every call ends within the [timeout](SqlBackendBuilder::timeout), by default the request deadline of the manager.
//! After five calls in a row without an answer, calls fail fast, and a task probes the database every 100 ms until it
//! answers. In our tests a call that failed fast took 2 µs, and sessions worked again 5 to 120 ms after a server had
//! been restarted or resumed.
//!
//! If a connection is lost, a read is sent once more on a new connection. A write whose reply was lost [may have been
//! applied](session_core::BackendError::may_have_applied), and the session manager finds out. Such a write never undoes
//! a newer one, because it compares first. If a server has become read-only, the call is sent once more on a new
//! connection. So after a failover behind one address, requests succeed as soon as the address leads to the new server.
//! A connection that the crate has opened to a server is used for at most five minutes.
//!
//! # The log
//!
//! Every error has a [source](std::error::Error::source) with the cause and the server. An outage is logged as one line
//! at level `error`, no matter how many requests fail, with the fields `store`, `server`, `cause` and `failures`. While
//! it lasts, a further line with the number of failures follows at most every 10 seconds. No error and no line quotes a
//! key, an id, a password or session data.
//!
//! | log line | level |
//! |---|---|
//! | `the session store fails` | error |
//! | `the session store still fails` | error |
//! | `the session store answers again` | info |
//! | `expired sessions were deleted` | debug |
//! | `expired sessions were not deleted, the next clean-up tries again` | debug |
//!
//! | cause | what to do |
//! |---|---|
//! | `connection refused`, `no connection within …`, `the DNS does not know the name of the host` | Compare host and port of the URL with the server, and look for a firewall. |
//! | `no reply within …`, `… took longer than …` | The server is overloaded, stopped or far away: look for slow queries and locks, or raise the [timeout](SqlBackendBuilder::timeout). |
//! | `all connections (…) were in use for …` | Raise [`max_connections`](SqlBackendBuilder::max_connections), or look for slow queries. |
//! | `… as many connections as its max_connections allows` | Raise that setting of the server, or use fewer connections in all services. |
//! | `the server closed the connection`, `connection reset` | Read the server's log. A proxy may close idle or long connections. |
//! | `the user name or the password is wrong`, `the server does not let this user in …` | Correct the URL. Special characters must be percent-encoded. |
//! | `the user lacks a right …` | Grant the [rights](#the-table) above. |
//! | `the table is missing …`, `the table lacks a column …` | Create the [table](#the-table), or name the right one. |
//! | `other transactions were in the way …`, `another transaction has locked the row …` | Look for a program that holds locks on the table. |
//! | `another process or transaction locks the database (SQLITE_BUSY)` | Look for a program that keeps a transaction of the file open. |
//! | `the server is read-only …` | The address leads to a standby. Use the address of the primary. |
//! | `the disk … is full`, `the server is out of memory` | Free disk space or memory. Reads still work, and a refused write changes nothing. |
//! | `the file can't be opened …`, `the file may not be read …`, `there is no such file or folder` | Check the path, and that the user of the process has the permissions. |
//! | `tls: …` | Compare the certificate with the host of the URL, and its issuer with the roots of the operating system. |
//!
//! # Operations
//!
//! - **PostgreSQL.** Each write leaves a dead row version. The table has a `fillfactor` of 80, and no index contains a
//!   column that a usual write sets, so most updates are heap-only (HOT) and cheap to vacuum. On a busy table,
//!   let autovacuum run more often: `ALTER TABLE http_sessions SET (autovacuum_vacuum_scale_factor = 0.02)`. Beyond
//!   about ten million sessions, partition the table by hash of `session_key`.
//! - **MySQL.** The crate's connections use READ COMMITTED, so that the clean-up takes no gap locks. `binlog_format`
//!   must not be `STATEMENT`.
//! - **Replicas.** Name the primary in the URL, because a replica that lags returns outdated sessions, even destroyed
//!   ones.
//! - **Asynchronous replication.** Writes that were acknowledged just before a primary died may be missing on the
//!   replica that takes over, and one of them may be a logout.

#![cfg_attr(
    not(any(feature = "sqlite", feature = "postgres", feature = "mysql")),
    allow(
        dead_code,
        unreachable_code,
        unused_imports,
        unused_macros,
        reason = "without a database nothing can be connected"
    )
)]

mod backend;
mod config_error;
mod dialect;
#[cfg(feature = "django-db")]
mod django;
mod engine;
mod error;
mod format;
mod marker;
#[cfg(feature = "mysql")]
mod mysql;
mod pool;
#[cfg(feature = "postgres")]
mod postgres;
mod queue;
mod request;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod sweep;
mod table;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod url;
mod writer;

pub use backend::{SqlBackend, SqlBackendBuilder, SqlPool};
pub use config_error::SqlConfigError;
