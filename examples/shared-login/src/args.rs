//! The command line, and the settings that the servers share.

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use session_core::SessionConfig;
use session_core::starlette::BackendType;
use session_memcache::MemcacheBackend;
use session_redis::RedisBackend;

/// Three servers that share one login: in axum, in actix-web and in Python's Starlette.
#[derive(Parser)]
pub(crate) struct Args {
    /// Where sessions are kept: cookie, redis or memcache
    #[arg(long, value_name = "NAME", default_value_t)]
    pub(crate) backend: BackendType,

    /// Where Redis is
    #[arg(
        long,
        value_name = "URL",
        env = "REDIS_URL",
        hide_env_values = true,
        default_value = "redis://127.0.0.1:6379"
    )]
    pub(crate) redis_url: String,

    /// Where memcached is
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:11211")]
    pub(crate) memcache_addr: String,

    /// A Python interpreter that has the packages of xtask/python/requirements.txt
    #[arg(long, value_name = "PATH", env = "SESSION_PYTHON", default_value = "python3")]
    pub(crate) python: PathBuf,
}

/// The name of the cookie on all servers.
pub(crate) const COOKIE_NAME: &str = "session";

impl Args {
    /// Makes a configuration whose sessions starlette-session can also read and write: the same secret and cookie name,
    /// and its keys in the store, which have no prefix.
    pub(crate) fn sessions(&self, secret: &str) -> Result<SessionConfig, Box<dyn Error>> {
        let config = SessionConfig::builder(secret, COOKIE_NAME);
        let config = match self.backend {
            BackendType::Cookie => config,
            BackendType::Redis => config.backend(RedisBackend::connect(&self.redis_url)?).key_prefix(""),
            BackendType::Memcache => config.backend(MemcacheBackend::new([&self.memcache_addr])?).key_prefix(""),
            other => return Err(format!("--backend {other}: three servers can't share that").into()),
        };
        Ok(config.build()?)
    }
}

/// Returns a new secret, so that sessions end with this program.
pub(crate) fn random_secret() -> String {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).expect("the operating system has random numbers");
    secret.iter().map(|byte| format!("{byte:02x}")).collect()
}
