//! axum_session: its own memory, no database.

use anyhow::Result;
use axum::Router;
use axum::routing::{MethodRouter, get};
use axum_session::{Session, SessionConfig, SessionLayer, SessionNullPool, SessionStore};
use session_bench::session::{VISITS, Values, Work};

pub(super) async fn in_memory(work: Work, values: Values) -> Result<Router> {
    let store = SessionStore::<SessionNullPool>::new(None, SessionConfig::default()).await?;
    let seed = async move |session: Session<SessionNullPool>| {
        for (key, value) in &values {
            session.set(key, value);
        }
    };
    let router = Router::new().route("/", handler(work)).route("/seed", get(seed));
    Ok(router.layer(SessionLayer::new(store)))
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

async fn read(session: Session<SessionNullPool>) -> &'static str {
    visits(&session);
    "ok"
}

async fn write(session: Session<SessionNullPool>) -> &'static str {
    session.set(VISITS, visits(&session) + 1);
    "ok"
}

fn visits(session: &Session<SessionNullPool>) -> u64 {
    session.get(VISITS).expect("the session is there")
}
