//! tower-sessions: 0.15 in memory, and 0.14 in Redis, because its Redis store still needs that version.

use anyhow::Result;
use axum::Router;
use session_bench::server::{REDIS, address};
use session_bench::session::{Values, Work};
use tower_sessions::MemoryStore;
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::{ClientLike, Config, Pool};

pub(super) fn in_memory(signed: bool, work: Work, values: Values) -> Router {
    latest::router(MemoryStore::default(), signed, work, values)
}

pub(super) async fn in_redis(signed: bool, work: Work, values: Values) -> Result<Router> {
    // One connection, as in this project's client.
    let pool = Pool::new(Config::from_url(&address(REDIS)?)?, None, None, None, 1)?;
    pool.connect();
    pool.wait_for_connect().await?;
    Ok(before::router(RedisStore::new(pool), signed, work, values))
}

/// Writes the application once for both versions, because their types differ.
macro_rules! application {
    ($module:ident, $version:ident) => {
        mod $module {
            use axum::Router;
            use axum::routing::{MethodRouter, get};
            use session_bench::session::{SECRET, VISITS, Values, Work};
            use $version::cookie::Key;
            use $version::session::Error;
            use $version::{Expiry, Session, SessionManagerLayer, SessionStore};

            pub(super) fn router(store: impl SessionStore + Clone, signed: bool, work: Work, values: Values) -> Router {
                let seed = async move |session: Session| {
                    for (key, value) in &values {
                        session.insert(key, value).await.expect("the store works");
                    }
                };
                let router = Router::new().route("/", handler(work)).route("/seed", get(seed));
                let layer = SessionManagerLayer::new(store).with_expiry(Expiry::OnInactivity(time::Duration::days(14)));
                if signed { router.layer(layer.with_signed(Key::from(SECRET.as_bytes()))) } else { router.layer(layer) }
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

            async fn read(session: Session) -> &'static str {
                visits(&session).await.expect("the store works");
                "ok"
            }

            async fn write(session: Session) -> &'static str {
                let visits = visits(&session).await.expect("the store works");
                session.insert(VISITS, visits + 1).await.expect("the store works");
                "ok"
            }

            async fn visits(session: &Session) -> Result<u64, Error> {
                Ok(session.get(VISITS).await?.expect("the session is there"))
            }
        }
    };
}

application!(latest, tower_sessions);
application!(before, tower_sessions_014);
