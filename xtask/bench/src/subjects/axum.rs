//! In axum.

use axum::Router;
use axum::routing::{MethodRouter, get};
use session_core::{SessionConfig, SessionMap};
use session_tower::{Session, SessionLayer, SessionRejection};
use tokio::runtime::Runtime;

use crate::mode::Mode;
use crate::on_axum::run;
use crate::session::{VISITS, Work};

pub(super) fn bare(runtime: &Runtime, mode: Mode) {
    run(runtime, mode, Router::new().route("/", get(untouched)).route("/seed", get(untouched)));
}

pub(super) fn with_sessions(runtime: &Runtime, mode: Mode, config: SessionConfig, work: Work) {
    run(runtime, mode, router(config, work, super::values()));
}

/// An application whose sessions begin with these values.
pub fn router(config: SessionConfig, work: Work, values: SessionMap) -> Router {
    let seed = async move |session: Session| session.extend(&values).map_err(SessionRejection::from);
    Router::new().route("/", handler(work)).route("/seed", get(seed)).layer(SessionLayer::new(config))
}

fn handler(work: Work) -> MethodRouter {
    match work {
        Work::Untouched => get(untouched),
        Work::Read => get(read),
        Work::Write => get(write),
    }
}

async fn untouched() -> &'static str {
    "ok"
}

async fn read(session: Session) -> Result<&'static str, SessionRejection> {
    let visits = session.get::<u64>(VISITS)?;
    Ok(if visits.is_some() { "ok" } else { unreachable!("the session was lost") })
}

async fn write(session: Session) -> Result<&'static str, SessionRejection> {
    let visits = session.update(VISITS, |visits: Option<u64>| visits.unwrap_or(0) + 1)?;
    Ok(if visits > 1 { "ok" } else { unreachable!("the session was lost") })
}
