//! Sign-in, "stay signed in", messages and a list of devices, in axum on SQLite.

use std::time::Duration;

use axum::extract::{Form, State};
use axum::http::{HeaderMap, header::USER_AGENT};
use axum::response::Redirect;
use axum::routing::{get, post};
use axum::{Router, serve};
use maud::{Markup, html};
use serde::Deserialize;
use session_sql::SqlBackend;
use session_tower::{
    CurrentUser, FlashLevel, Lifetime, Session, SessionConfig, SessionHandle, SessionLayer, SessionManager, SessionRef,
    SessionRejection,
};

const NINETY_DAYS: Duration = Duration::from_secs(90 * 24 * 3600);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = SqlBackend::connect("sqlite:sessions.db")?;
    store.create_table().await?;
    let secret = std::env::var("SESSION_SECRET").map_err(|_| "SESSION_SECRET is not set")?;
    let config = SessionConfig::builder(secret, "session").backend(store).longest_max_age(NINETY_DAYS).build()?;
    let manager = SessionManager::new(config);
    let app = Router::new()
        .route("/", get(home))
        .route("/login", post(login))
        .route("/logout", post(logout))
        .route("/devices/end", post(end_device))
        .layer(SessionLayer::with_manager(manager.clone()))
        .with_state(manager);

    let address = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    Ok(serve(listener, app).await?)
}

async fn home(State(manager): State<SessionManager>, session: Session) -> Result<Markup, SessionRejection> {
    let messages = session.take_flashes()?;
    let page = match session.user::<String>()? {
        None => login_form(),
        Some(user) => devices(&user, &session, &manager).await?,
    };
    Ok(html! {
        @for message in messages { p role="status" class=(message.level.name()) { (message.text) } }
        (page)
    })
}

fn login_form() -> Markup {
    html! {
        form method="post" action="/login" {
            label { "Name " input name="name" autocomplete="username"; }
            label { "Password " input name="password" type="password" autocomplete="current-password"; }
            label { input name="remember" type="checkbox"; " Stay signed in for 90 days" }
            button { "Sign in" }
        }
    }
}

async fn devices(user: &str, session: &Session, manager: &SessionManager) -> Result<Markup, SessionRejection> {
    let devices = manager.sessions_of(user).await?;
    Ok(html! {
        h1 { "Hello, " (user) }
        form method="post" action="/logout" { button { "Sign out" } }
        h2 { "Where you're signed in" }
        ul {
            @for device in &devices {
                li {
                    (device.label("device").unwrap_or("unknown device"))
                    @if device.is_current(session) { " (this one)" } @else {
                        form method="post" action="/devices/end" {
                            input type="hidden" name="device" value=(device.reference());
                            button { "Sign out" }
                        }
                    }
                }
            }
        }
    })
}

#[derive(Deserialize)]
struct Login {
    name: String,
    password: String,
    remember: Option<String>,
}

async fn login(session: Session, headers: HeaderMap, Form(form): Form<Login>) -> Result<Redirect, SessionRejection> {
    if !password_is_right(&form.name, &form.password).await {
        session.flash(FlashLevel::Error, "This name and password don't match.")?;
        return Ok(Redirect::to("/"));
    }
    session.sign_in(&form.name)?;
    let browser = headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    session.set_label("device", browser.unwrap_or("unknown device"))?;
    if form.remember.is_some() {
        session.set_lifetime(Lifetime::For(NINETY_DAYS))?;
    }
    session.flash(FlashLevel::Success, "You are signed in.")?;
    Ok(Redirect::to("/"))
}

async fn logout(session: SessionHandle) -> Redirect {
    session.sign_out();
    Redirect::to("/")
}

#[derive(Deserialize)]
struct EndDevice {
    device: SessionRef,
}

async fn end_device(
    State(manager): State<SessionManager>,
    CurrentUser(user): CurrentUser,
    Form(form): Form<EndDevice>,
) -> Result<Redirect, SessionRejection> {
    manager.revoke(user, form.device).await?;
    Ok(Redirect::to("/"))
}

/// Compares the password with a hash. Replace this by a look-up in your table of users. Here, "ann" has the password
/// "open sesame".
async fn password_is_right(name: &str, password: &str) -> bool {
    const HASH: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$NlIM8BJZejAoYOlWLWMttg$j3poJIuzdNe8RZfgPv3q7Qg4//Aeo7OHFP2rqQCbUno";
    let (is_ann, password) = (name == "ann", password.to_owned());
    // The check is slow on purpose, so it must not run on a thread that serves requests.
    let check = tokio::task::spawn_blocking(move || password_auth::verify_password(password, HASH).is_ok());
    check.await.unwrap_or(false) && is_ann
}
