//! Our own subjects: `axum/memory/read` and the like.

mod actix;
mod axum;
mod floor;
mod known;

use anyhow::{Context, Result, bail};
use session_core::{MemoryBackend, SessionConfig, SessionMap};
use session_memcache::MemcacheBackend;
use session_redis::RedisBackend;

pub use axum::router;
pub use known::{KNOWN_ALLOCATIONS, KNOWN_BLOCKS, KNOWN_WORK};

use crate::mode::{Mode, runtime};
use crate::server::{MEMCACHED, REDIS, address};
use crate::session::{COOKIE, PATIENCE, SECRET, VALUES, Work};

/// Runs the subject of this name, see [`names`].
///
/// # Errors
///
/// Returns an error if there is no such subject, or if the server for a subject in Redis is missing.
pub fn run(name: &str, mode: Mode) -> Result<()> {
    let runtime = runtime();
    match name.split('/').collect::<Vec<_>>()[..] {
        ["axum", "bare"] => axum::bare(&runtime, mode),
        ["axum", backend, work] => axum::with_sessions(&runtime, mode, config(backend)?, named(work)?),
        ["actix", "bare"] => actix::bare(mode),
        ["actix", backend, work] => actix::with_sessions(mode, config(backend)?, named(work)?),
        ["floor", backend, work] => floor::with_sessions(&runtime, mode, backend, named(work)?)?,
        [KNOWN_WORK] => known::run(mode)?,
        _ => bail!("no subject is called `{name}`"),
    }
    Ok(())
}

/// Returns the subjects of an adapter: `axum/memory/untouched` and so on.
pub fn names(adapter: &str) -> impl Iterator<Item = String> {
    BACKENDS
        .into_iter()
        .flat_map(|backend| Work::ALL.map(|work| (backend, work.name())))
        .map(move |(backend, work)| format!("{adapter}/{backend}/{work}"))
}

/// The places of sessions that have ceilings.
pub const BACKENDS: [&str; 3] = ["memory", "cookie", "redis"];

/// Returns the kind of request with this name.
///
/// # Errors
///
/// Returns an error if there is none.
pub fn named(work: &str) -> Result<Work> {
    Work::named(work).with_context(|| format!("`{work}` is no kind of request"))
}

/// Returns the default configuration, with a deadline that is long enough for a busy machine and for valgrind.
///
/// # Errors
///
/// Returns an error if there is no such backend, or if its server is missing.
pub fn config(backend: &str) -> Result<SessionConfig> {
    let builder = SessionConfig::builder(SECRET, COOKIE).request_deadline(PATIENCE);
    let builder = match backend {
        // Room for as many sessions as any subject stores.
        "memory" => builder.backend(MemoryBackend::builder().max_sessions(2_000_000).max_bytes(usize::MAX).build()),
        "cookie" => builder,
        "redis" => builder.backend(RedisBackend::builder().timeout(PATIENCE).connect(&address(REDIS)?)?),
        "memcached" => builder.backend(MemcacheBackend::builder([address(MEMCACHED)?]).timeout(PATIENCE / 4).build()?),
        _ => bail!("`{backend}` is no backend"),
    };
    Ok(builder.build()?)
}

fn values() -> SessionMap {
    SessionMap::from_json(VALUES).expect("the values are JSON")
}
