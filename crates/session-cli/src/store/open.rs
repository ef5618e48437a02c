//! The connection to a store by its URL.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Result, bail};
use session_core::{AtomicBackend, Backend, BackendError, SessionConfigBuilder, SessionManager};

use crate::args::StoreArgs;

/// The timeout of a call. It is longer than that of a request, because an operator can wait for a scan or a slow store.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A store, with a session manager and for direct calls.
pub(super) struct Opened {
    pub(super) manager: SessionManager,
    pub(super) backend: Arc<dyn AtomicBackend>,
    /// Asks for the store's time; `None` for memcached, which does not tell it.
    pub(super) time: Option<TimeReply>,
}

pub(super) type TimeReply = Pin<Box<dyn Future<Output = Result<SystemTime, BackendError>>>>;

pub(super) fn open(args: &StoreArgs) -> Result<Opened> {
    let scheme = args.store.split(':').next().unwrap_or_default();
    match scheme {
        #[cfg(feature = "redis")]
        "redis" | "rediss" | "valkey" | "redis-sentinel" | "rediss-sentinel" | "redis-cluster" | "rediss-cluster" => {
            let backend = session_redis::RedisBackend::builder().timeout(TIMEOUT).connect(&args.store)?;
            let asked = backend.clone();
            opened(args, backend, Some(Box::pin(async move { asked.server_time().await })))
        }
        #[cfg(feature = "sql")]
        "sqlite" | "postgres" | "postgresql" | "mysql" | "mariadb" => {
            // No clean-up here, because the service does it.
            let builder = session_sql::SqlBackend::builder().timeout(TIMEOUT).without_clean_up();
            let backend = builder.connect(&args.store)?;
            let asked = backend.clone();
            opened(args, backend, Some(Box::pin(async move { asked.server_time().await })))
        }
        #[cfg(feature = "memcache")]
        "memcache" => {
            let nodes = args.store.trim_start_matches("memcache:").trim_start_matches('/').split(',');
            opened(args, session_memcache::MemcacheBackend::builder(nodes).timeout(TIMEOUT).build()?, None)
        }
        _ => bail!("this command was not built for stores of the kind `{scheme}`"),
    }
}

fn opened<B: AtomicBackend + Clone>(args: &StoreArgs, backend: B, time: Option<TimeReply>) -> Result<Opened> {
    // No cookie is read or made, so the secret does not matter.
    let config = SessionConfigBuilder::development("session")
        .backend(Backend::atomic(backend.clone()))
        .key_prefix(&args.key_prefix)
        .request_deadline(TIMEOUT)
        .build()?;
    Ok(Opened { manager: SessionManager::new(config), backend: Arc::new(backend), time })
}
