//! In actix-web.

use actix_web::App;
use actix_web::rt::System;
use actix_web::web::{ServiceConfig, get};
use session_actix::{Session, SessionMiddleware, SessionRejection};
use session_core::SessionConfig;

use crate::mode::Mode;
use crate::on_actix::run;
use crate::session::{VISITS, Work};

pub(super) fn bare(mode: Mode) {
    run(&System::new(), mode, || App::new().route("/", get().to(untouched)).route("/seed", get().to(untouched)));
}

pub(super) fn with_sessions(mode: Mode, config: SessionConfig, work: Work) {
    let sessions = SessionMiddleware::new(config);
    run(&System::new(), mode, move || App::new().wrap(sessions.clone()).configure(|app| routes(app, work)));
}

fn routes(app: &mut ServiceConfig, work: Work) {
    let handler = match work {
        Work::Untouched => get().to(untouched),
        Work::Read => get().to(read),
        Work::Write => get().to(write),
    };
    app.route("/", handler).route("/seed", get().to(seed));
}

async fn seed(session: Session) -> Result<&'static str, SessionRejection> {
    session.extend(&super::values())?;
    Ok("ok")
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
