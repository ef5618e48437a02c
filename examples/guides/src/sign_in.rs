//! Signing in, staying signed in, asking for the password again, and signing out everywhere.

use std::time::Duration;

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::{Router, routing::post};
use serde::Deserialize;
use session_tower::session_core::SessionConfigBuilder;
use session_tower::{
    CurrentUser, Lifetime, MemoryBackend, Session, SessionHandle, SessionLayer, SessionManager, SessionRejection,
};

const NINETY_DAYS: Duration = Duration::from_secs(90 * 24 * 3600);

#[derive(Deserialize)]
struct Login {
    password: String,
    remember: Option<String>,
}

async fn login(session: Session, Form(form): Form<Login>) -> Result<&'static str, SessionRejection> {
    // In a real service: a hash in your table of users.
    if form.password != "open sesame" {
        return Ok("wrong password\n");
    }
    session.sign_in("ann")?;
    if form.remember.is_some() {
        session.set_lifetime(Lifetime::For(NINETY_DAYS))?;
    }
    Ok("signed in\n")
}

/// Answers 401 if no user is signed in, because of the extractor.
async fn pay(CurrentUser(user): CurrentUser, session: Session) -> (StatusCode, String) {
    let age = session.authenticated_at().and_then(|at| at.elapsed().ok());
    match age {
        Some(age) if age < Duration::from_secs(300) => (StatusCode::OK, format!("{user} has paid\n")),
        _ => (StatusCode::FORBIDDEN, "enter your password again\n".to_owned()),
    }
}

/// This session gets a new id, and all others of the user end.
async fn change_password(
    State(manager): State<SessionManager>,
    CurrentUser(_user): CurrentUser,
    session: Session,
) -> Result<String, SessionRejection> {
    session.renew()?;
    let ended = manager.revoke_others(&session).await?;
    Ok(format!("other browsers signed out: {ended}\n"))
}

async fn logout(session: SessionHandle) -> &'static str {
    session.sign_out();
    "signed out\n"
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = SessionConfigBuilder::development("session")
        .backend(MemoryBackend::new())
        .longest_max_age(NINETY_DAYS)
        .build()?;
    let manager = SessionManager::new(config);
    let app = Router::new()
        .route("/login", post(login))
        .route("/pay", post(pay))
        .route("/password", post(change_password))
        .route("/logout", post(logout))
        .layer(SessionLayer::with_manager(manager.clone()))
        .with_state(manager);
    guides::serve(app).await
}
