//! actix-session: in the cookie and in Redis, both with signed cookies.

use actix_session::config::{CookieContentSecurity, PersistentSession};
use actix_session::storage::{CookieSessionStore, RedisSessionStore, SessionStore};
use actix_session::{Session, SessionGetError, SessionInsertError, SessionMiddleware};
use actix_web::App;
use actix_web::cookie::{Key, time::Duration};
use actix_web::rt::{System, SystemRunner};
use actix_web::web::{ServiceConfig, get};
use anyhow::{Result, bail};
use session_bench::mode::Mode;
use session_bench::on_actix;
use session_bench::server::{REDIS, address};
use session_bench::session::{SECRET, VISITS, Work, values};

pub(super) fn run(mode: Mode, variant: &str, work: Work) -> Result<()> {
    let system = System::new();
    match variant {
        "cookie signed" => with_sessions(&system, mode, work, CookieSessionStore::default),
        "redis signed" => {
            let store = system.block_on(RedisSessionStore::new(address(REDIS)?))?;
            with_sessions(&system, mode, work, move || store.clone());
        }
        _ => bail!("no peer is called `actix-session/{variant}`"),
    }
    Ok(())
}

fn with_sessions<S: SessionStore + 'static>(
    system: &SystemRunner,
    mode: Mode,
    work: Work,
    store: impl Fn() -> S + Send + Clone + 'static,
) {
    on_actix::run(system, mode, move || {
        let sessions = SessionMiddleware::builder(store(), Key::from(SECRET.as_bytes()))
            .cookie_content_security(CookieContentSecurity::Signed)
            .session_lifecycle(PersistentSession::default().session_ttl(Duration::days(14)))
            .build();
        App::new().wrap(sessions).configure(|app| routes(app, work))
    });
}

fn routes(app: &mut ServiceConfig, work: Work) {
    let handler = match work {
        Work::Untouched => get().to(untouched),
        Work::Read => get().to(read),
        Work::Write => get().to(write),
    };
    app.route("/", handler).route("/seed", get().to(seed));
}

async fn seed(session: Session) -> Result<&'static str, SessionInsertError> {
    for (key, value) in values() {
        session.insert(key, value)?;
    }
    Ok("ok")
}

async fn untouched() -> &'static str {
    "ok"
}

async fn read(session: Session) -> Result<&'static str, SessionGetError> {
    visits(&session)?;
    Ok("ok")
}

async fn write(session: Session) -> actix_web::Result<&'static str> {
    session.insert(VISITS, visits(&session)? + 1)?;
    Ok("ok")
}

fn visits(session: &Session) -> Result<u64, SessionGetError> {
    Ok(session.get(VISITS)?.expect("the session is there"))
}
