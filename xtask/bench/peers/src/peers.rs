//! The subjects of other crates: `tower-sessions/memory signed/read` and the like.
//!
//! Each is set up like in its documentation, with sessions of two weeks like this project's.

mod actix_session;
mod axum_session;
mod tower_sessions;

use anyhow::{Result, bail};
use axum::Router;
use session_bench::mode::{Mode, runtime};
use session_bench::on_axum;
use session_bench::session::{Values, Work, values};
use session_bench::subjects::{self, named};
use tokio::runtime::Runtime;

/// Runs the subject with this name: one of a peer, or the bare application of its framework.
///
/// # Errors
///
/// Returns an error if there is no such subject, or if the server for a subject in Redis is missing.
pub fn run(name: &str, mode: Mode) -> Result<()> {
    let [library, variant, work] = name.split('/').collect::<Vec<_>>()[..] else {
        return subjects::run(name, mode);
    };
    let work = named(work)?;
    if library == "actix-session" {
        return actix_session::run(mode, variant, work);
    }
    let runtime = runtime();
    let router = router(&runtime, library, variant, work, values())?;
    on_axum::run(&runtime, mode, router);
    Ok(())
}

/// Returns the application of a peer in axum, whose sessions begin with these values.
///
/// # Errors
///
/// Returns an error if there is no such peer.
pub fn router(runtime: &Runtime, library: &str, variant: &str, work: Work, values: Values) -> Result<Router> {
    Ok(match (library, variant) {
        ("tower-sessions", "memory signed") => tower_sessions::in_memory(true, work, values),
        ("tower-sessions", "memory unsigned") => tower_sessions::in_memory(false, work, values),
        ("tower-sessions", "redis signed") => runtime.block_on(tower_sessions::in_redis(true, work, values))?,
        ("tower-sessions", "redis unsigned") => runtime.block_on(tower_sessions::in_redis(false, work, values))?,
        ("axum_session", "memory unsigned") => runtime.block_on(axum_session::in_memory(work, values))?,
        _ => bail!("no peer is called `{library}/{variant}`"),
    })
}
