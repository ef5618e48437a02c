//! The server in axum.

use std::io;
use std::net::TcpListener;

use axum::extract::State;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use axum::{Form, Router};
use serde::Deserialize;
use session_tower::{Session, SessionConfig, SessionHandle, SessionKey, SessionLayer, SessionRejection};

use crate::page::Links;

const USER: SessionKey<String> = SessionKey::new("user");

pub(crate) async fn serve(listener: TcpListener, sessions: SessionConfig, links: Links) -> io::Result<()> {
    let app = Router::new()
        .route("/", get(home))
        .route("/login", post(login))
        .route("/logout", post(logout))
        .layer(SessionLayer::new(sessions))
        .with_state(links);
    axum::serve(tokio::net::TcpListener::from_std(listener)?, app).await
}

async fn home(State(links): State<Links>, session: Session) -> Result<Html<String>, SessionRejection> {
    Ok(Html(links.page("axum", USER.get(&session)?)))
}

#[derive(Deserialize)]
struct Login {
    user: String,
}

async fn login(session: Session, Form(login): Form<Login>) -> Result<Redirect, SessionRejection> {
    session.renew()?;
    USER.insert(&session, &login.user)?;
    Ok(Redirect::to("/"))
}

async fn logout(session: SessionHandle) -> Redirect {
    session.destroy();
    Redirect::to("/")
}
