//! The command line, and the configuration that it makes.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, ValueEnum};
use session_compat::DjangoCachedDb;
use session_core::starlette::BackendType;
use session_core::{Backend, OnSessionLimit, SameSite, SessionConfig, SessionConfigBuilder};
use session_memcache::MemcacheBackend;
use session_redis::RedisBackend;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::format::{Cookies, FormatName, Values, Variant, django_db};
use crate::page::Facts;
use crate::sessions::REMEMBERED;
use crate::sql;

/// A web server whose sessions you can look at and change, in the browser or with curl.
#[derive(Parser)]
#[expect(missing_debug_implementations, reason = "it holds the secret")]
#[command(version)]
pub struct Args {
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:3000, or a free port if that is taken]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,

    /// Where sessions are kept: cookie, memory, redis, memcache, sqlite, postgres or mysql
    #[arg(long, value_name = "NAME", default_value_t)]
    pub backend: BackendType,

    /// Where Redis is, for `--backend redis` and django-cached-db
    #[arg(long, value_name = "URL", env = "REDIS_URL", hide_env_values = true, default_value = "redis://127.0.0.1")]
    redis_url: String,

    /// The memcached nodes: hosts with their ports, or socket paths
    #[arg(long, value_name = "ADDRESS,…", value_delimiter = ',', default_value = "127.0.0.1:11211")]
    memcache_addr: Vec<String>,

    /// The database of `--backend sqlite`, `postgres` or `mysql` [default for sqlite: sqlite:sessions.db, or sqlite:db.sqlite3
    /// for django-db and django-cached-db]
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    sql_url: Option<String>,

    /// The secret of the cookies; if there are several, the first signs, and all verify [default: a random one, so that
    /// sessions end with the process]
    #[arg(long, env = "SESSION_SECRET", hide_env_values = true)]
    secret: Vec<String>,

    /// The cookie's name [default: session, or the format's default]
    #[arg(long, value_name = "NAME")]
    cookie_name: Option<String>,

    /// How long a session lasts without use [default: 14 days]
    #[arg(long, value_name = "SECONDS")]
    max_age: Option<u64>,

    /// Which requests from other sites carry the cookie: lax, strict or none
    #[arg(long, value_name = "NAME", default_value_t)]
    same_site: SameSite,

    /// Let browsers send the cookie over HTTPS only
    #[arg(long)]
    https_only: bool,

    /// Let browsers keep a cookie for each site that embeds this one
    #[arg(long)]
    partitioned: bool,

    /// Send the cookie to this host and all its subdomains [default: only to the host itself]
    #[arg(long, value_name = "HOST")]
    domain: Option<String>,

    /// The prefix of keys in the store [default: session:, or the format's default]
    #[arg(long, value_name = "PREFIX")]
    key_prefix: Option<String>,

    /// How many sessions a user may have [default: no limit]
    #[arg(long, value_name = "N")]
    max_sessions_per_user: Option<usize>,

    /// The outcome of a sign-in beyond that limit
    #[arg(long, value_name = "NAME", default_value = "drop-oldest", requires = "max_sessions_per_user")]
    on_session_limit: OnLimit,

    /// Share sessions with another framework
    #[arg(long, value_name = "NAME")]
    format: Option<FormatName>,

    /// The form of the cookies of actix-session, flask-session or tower-sessions [default: that of the framework]
    #[arg(long, value_name = "NAME", requires = "format")]
    cookies: Option<Cookies>,

    /// The form of the stored values of django-cache or flask-session [default: that of the framework]
    #[arg(long, value_name = "NAME", requires = "format")]
    values: Option<Values>,
}

/// A treatment of sign-ins beyond the limit.
#[derive(Clone, Copy, ValueEnum)]
enum OnLimit {
    /// It ends the oldest session of the user.
    DropOldest,
    /// It is refused until the user signs out elsewhere.
    Refuse,
}

impl From<OnLimit> for OnSessionLimit {
    fn from(on_limit: OnLimit) -> Self {
        match on_limit {
            OnLimit::DropOldest => Self::DropOldest,
            OnLimit::Refuse => Self::Refuse,
        }
    }
}

impl Args {
    /// Returns the flags and configuration that the command line of the program with this name asks for. Starts the log,
    /// prints warnings, and creates the table of a database.
    ///
    /// Ends the process if the flags can't be read, if they make no configuration, or if a table can't be created.
    pub async fn read(program: &'static str) -> (Self, SessionConfig) {
        let mut command = Self::command().name(program);
        let matches = command.get_matches_mut();
        let args = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        log_to_stderr();
        // Ends the process with exit code 2, like clap does for flags that it can't read.
        let config = match args.config().await {
            Ok(config) => config,
            Err(error) => command.error(ErrorKind::ValueValidation, error).exit(),
        };
        if let Some(warning) = args.warning() {
            eprintln!("{warning}");
        }
        (args, config)
    }

    /// Makes the configuration of the sessions.
    async fn config(&self) -> Result<SessionConfig, Box<dyn Error>> {
        let name = self.format.map_or("session", FormatName::cookie_name);
        let name = self.cookie_name.as_deref().unwrap_or(name);
        let mut builder = match self.secret.split_first() {
            Some((signing, verifying)) => {
                verifying.iter().fold(SessionConfig::builder(signing.as_str(), name), |builder, secret| {
                    builder.verify_key(secret.as_str())
                })
            }
            None => SessionConfigBuilder::development(name),
        };
        let in_django = matches!(self.format, Some(FormatName::DjangoDb | FormatName::DjangoCachedDb));
        if in_django && (self.secret.is_empty() || !self.in_database() || self.key_prefix.is_some()) {
            let needs = "needs --secret, and --backend sqlite, postgres or mysql, and has no --key-prefix";
            return Err(format!("--format django-db or django-cached-db {needs}").into());
        }
        if let Some(format) = self.format {
            let Self { ref secret, backend, cookies, values, max_age, .. } = *self;
            let variant = Variant { secrets: secret, backend, cookies, values, max_age };
            builder = format.apply(builder, variant).ok_or("the format has no such --cookies or --values")?;
        }
        builder = builder
            .backend_type(self.backend)
            .same_site(self.same_site)
            .https_only(self.https_only)
            .partitioned(self.partitioned);
        if self.backend == BackendType::Redis {
            builder = builder.backend(RedisBackend::connect(&self.redis_url)?);
        }
        if self.backend == BackendType::Memcache {
            builder = builder.backend(MemcacheBackend::builder(&self.memcache_addr).user_epochs(true).build()?);
        }
        if self.in_database() {
            let django = django_db(&self.secret).filter(|_| in_django);
            let rows = sql::open(self.backend, self.sql_url.as_deref(), django).await?;
            builder = match self.format {
                Some(FormatName::DjangoCachedDb) => {
                    builder.backend(DjangoCachedDb::new(rows, RedisBackend::connect(&self.redis_url)?))
                }
                _ => builder.backend(Backend::atomic(rows)),
            };
        }
        builder = builder.longest_max_age(REMEMBERED);
        if let Some(max_age) = self.max_age.map(Duration::from_secs) {
            builder = builder.max_age(max_age).longest_max_age(REMEMBERED.max(max_age));
        }
        if let Some((limit, on_limit)) = self.session_limit() {
            builder = builder.max_sessions_per_user(limit, on_limit);
        }
        if let Some(domain) = &self.domain {
            builder = builder.domain(domain);
        }
        if let Some(prefix) = &self.key_prefix {
            builder =
                builder.key_prefix(self.format.map_or_else(|| prefix.clone(), |format| format.key_prefix(prefix)));
        }
        if self.has_weak_secret() {
            // Don't copy this. The demo allows it so that you can try the short secrets of Python's examples.
            builder = builder.danger_allow_weak_secret(true);
        }
        Ok(builder.build()?)
    }

    /// Returns the facts that the page tells.
    #[must_use]
    pub fn facts(&self) -> Facts {
        Facts { backend: self.backend, session_limit: self.session_limit() }
    }

    fn session_limit(&self) -> Option<(usize, OnSessionLimit)> {
        Some((self.max_sessions_per_user?, self.on_session_limit.into()))
    }

    /// Returns a warning about a secret that is good enough for a demo only.
    fn warning(&self) -> Option<&'static str> {
        self.has_weak_secret().then_some(
            "warning: the secret is shorter than 32 bytes; an attacker who guesses it can sign in as any user",
        )
    }

    fn in_database(&self) -> bool {
        matches!(self.backend, BackendType::Sqlite | BackendType::Postgres | BackendType::Mysql)
    }

    fn has_weak_secret(&self) -> bool {
        self.secret.iter().any(|secret| secret.len() < 32)
    }
}

/// Prints the log of the session crates. `RUST_LOG=debug` shows more.
fn log_to_stderr() {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
}
