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
    /// Asks for the store's time.
    pub(super) time: TimeReply,
}

pub(super) type TimeReply = Pin<Box<dyn Future<Output = Result<SystemTime, BackendError>>>>;

pub(super) fn open(args: &StoreArgs) -> Result<Opened> {
    // Without a colon, the text may be anything, such as a password.
    let Some((scheme, _)) = args.store.split_once(':') else {
        bail!("the URL of the store has no scheme, such as `redis:` or `sqlite:`");
    };
    match scheme {
        #[cfg(feature = "redis")]
        _ if scheme.starts_with("redis") || scheme.starts_with("valkey") => {
            let backend = session_redis::RedisBackend::builder().timeout(TIMEOUT).connect(&args.store)?;
            let asked = backend.clone();
            opened(args, backend, Box::pin(async move { asked.server_time().await }))
        }
        #[cfg(feature = "sql")]
        "sqlite" | "postgres" | "postgresql" | "mysql" | "mariadb" => {
            // No clean-up here, because the service does it.
            let builder = session_sql::SqlBackend::builder().timeout(TIMEOUT).without_clean_up();
            let mut url = args.store.clone();
            if scheme == "sqlite" && !url.contains("mode=") {
                // A file that is missing is not created.
                url.push_str(if url.contains('?') { "&mode=rw" } else { "?mode=rw" });
            }
            let backend = builder.connect(&url)?;
            let asked = backend.clone();
            opened(args, backend, Box::pin(async move { asked.server_time().await }))
        }
        #[cfg(feature = "memcache")]
        "memcache" => {
            let nodes = args.store.trim_start_matches("memcache:").trim_start_matches('/').split(',');
            let backend = session_memcache::MemcacheBackend::builder(nodes).timeout(TIMEOUT).build()?;
            let asked = backend.clone();
            opened(args, backend, Box::pin(async move { asked.server_time().await }))
        }
        _ => bail!(
            "no store of the kind `{scheme}` is known: a URL begins with `redis:`, `redis-sentinel:`, `redis-cluster:`, \
             `postgres:`, `mysql:`, `sqlite:` or `memcache:`, if the command was built with that store"
        ),
    }
}

fn opened<B: AtomicBackend + Clone>(args: &StoreArgs, backend: B, time: TimeReply) -> Result<Opened> {
    // No cookie is read or made, so the secret does not matter.
    let config = SessionConfigBuilder::development("session")
        .backend(Backend::atomic(backend.clone()))
        .key_prefix(&args.key_prefix)
        .request_deadline(TIMEOUT)
        .build()?;
    Ok(Opened { manager: SessionManager::new(config), backend: Arc::new(backend), time })
}
