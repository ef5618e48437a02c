//! Our own subjects: `axum/memory/read` and the like.

mod actix;
mod axum;
mod part;

use anyhow::{Context, Result, bail};
use session_core::{MemoryBackend, SessionConfig, SessionMap};
use session_redis::RedisBackend;

pub use part::{KNOWN_ALLOCATIONS, KNOWN_BLOCKS};

use crate::mode::{Mode, runtime};
use crate::redis::url;
use crate::session::{COOKIE, PATIENCE, SECRET, VALUES, Work};

/// Runs the subject of this name, see [`names`].
///
/// # Errors
///
/// If there is none of this name, or no server for one in Redis.
pub fn run(name: &str, mode: Mode) -> Result<()> {
    let runtime = runtime();
    match name.split('/').collect::<Vec<_>>()[..] {
        ["axum", "bare"] => axum::bare(&runtime, mode),
        ["axum", "empty layer"] => axum::empty_layer(&runtime, mode),
        ["axum", backend, work] => axum::with_sessions(&runtime, mode, config(backend)?, named(work)?),
        ["actix", "bare"] => actix::bare(&runtime, mode),
        ["actix", "empty layer"] => actix::empty_layer(&runtime, mode),
        ["actix", backend, work] => actix::with_sessions(&runtime, mode, config(backend)?, named(work)?),
        ["part", part] => part::run(&runtime, part, mode)?,
        _ => bail!("no subject is called `{name}`"),
    }
    Ok(())
}

/// The requests of an adapter: `axum/memory/untouched` and so on.
pub fn names(adapter: &str) -> impl Iterator<Item = String> {
    BACKENDS
        .into_iter()
        .flat_map(|backend| Work::ALL.map(|work| (backend, work.name())))
        .map(move |(backend, work)| format!("{adapter}/{backend}/{work}"))
}

/// Where sessions live.
pub const BACKENDS: [&str; 3] = ["memory", "cookie", "redis"];

fn named(work: &str) -> Result<Work> {
    Work::named(work).with_context(|| format!("`{work}` is no kind of request"))
}

/// The defaults, but for a deadline that a machine under load, or under valgrind, does not miss.
fn config(backend: &str) -> Result<SessionConfig> {
    let builder = SessionConfig::builder(SECRET, COOKIE).request_deadline(PATIENCE);
    let builder = match backend {
        "memory" => builder.backend(MemoryBackend::new()),
        "cookie" => builder,
        "redis" => builder.backend(RedisBackend::builder().deadline(PATIENCE).connect(&url()?)?),
        _ => bail!("`{backend}` is no backend"),
    };
    Ok(builder.build()?)
}

fn values() -> SessionMap {
    SessionMap::from_json(VALUES).expect("the values are JSON")
}
