//! The server in actix-web.

use std::io;
use std::net::TcpListener;

use actix_web::web::{self, Data, Form, Html, Redirect};
use actix_web::{App, HttpServer};
use serde::Deserialize;
use session_actix::{Session, SessionConfig, SessionHandle, SessionKey, SessionMiddleware, SessionRejection};

use crate::page::Links;

const USER: SessionKey<String> = SessionKey::new("user");

pub(crate) async fn serve(listener: TcpListener, sessions: SessionConfig, links: Links) -> io::Result<()> {
    let sessions = SessionMiddleware::new(sessions);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::new(links.clone()))
            .route("/", web::get().to(home))
            .route("/login", web::post().to(login))
            .route("/logout", web::post().to(logout))
            .wrap(sessions.clone())
    });
    server.disable_signals().listen(listener)?.run().await
}

async fn home(links: Data<Links>, session: Session) -> Result<Html, SessionRejection> {
    Ok(Html::new(links.page("actix-web", USER.get(&session)?)))
}

#[derive(Deserialize)]
struct Login {
    user: String,
}

async fn login(session: Session, login: Form<Login>) -> Result<Redirect, SessionRejection> {
    session.renew()?;
    USER.insert(&session, &login.user)?;
    Ok(Redirect::to("/").see_other())
}

async fn logout(session: SessionHandle) -> Redirect {
    session.destroy();
    Redirect::to("/").see_other()
}
