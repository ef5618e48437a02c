//! The extractors.

use actix_web::http::StatusCode;
use actix_web::http::header::{RETRY_AFTER, SET_COOKIE};
use actix_web::test::init_service;
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, HttpResponse};
use session_actix::{CurrentUser, Session, SessionError, SessionHandle, SessionMiddleware, SessionRejection};
use session_testkit::{Fault, Operation};

use crate::support::{NOTHING, config, cookie, send, store, text, values};

async fn visit(session: Session) -> Result<String, SessionRejection> {
    Ok(session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1)?.to_string())
}

async fn reserved(session: Session) -> Result<&'static str, SessionRejection> {
    session.insert("__session", 1)?;
    Ok("")
}

async fn logout(handle: SessionHandle) -> &'static str {
    handle.destroy();
    ""
}

async fn optional(handle: Option<SessionHandle>) -> String {
    handle.is_some().to_string()
}

fn routes(config: &mut ServiceConfig) {
    config
        .route("/visit", web::get().to(visit))
        .route("/reserved", web::get().to(reserved))
        .route("/logout", web::get().to(logout))
        .route("/optional", web::get().to(optional));
}

#[actix_web::test]
async fn handlers_use_the_session_without_waiting() {
    let sessions = SessionMiddleware::new(config().build().unwrap());
    let app = init_service(App::new().configure(routes).wrap(sessions)).await;
    let first = send(&app, "/visit", None).await;
    let cookie = cookie(&first);
    assert_eq!(text(first).await, "1");
    let second = send(&app, "/visit", cookie.as_deref()).await;
    assert_eq!(text(second).await, "2");
    let logout = send(&app, "/logout", cookie.as_deref()).await;
    assert!(values(&logout, SET_COOKIE)[0].starts_with("id=; "));
    assert_eq!(text(send(&app, "/optional", None).await).await, "true");
}

#[actix_web::test]
async fn missing_middleware_is_a_500_that_tells_clients_nothing_more() {
    let app = init_service(App::new().configure(routes)).await;
    let response = send(&app, "/visit", None).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(text(response).await, "internal server error\n");
    assert_eq!(text(send(&app, "/optional", None).await).await, "false");
}

#[actix_web::test]
async fn a_store_that_is_down_is_a_503_before_the_handler_runs() {
    let store = store();
    let sessions = SessionMiddleware::new(config().backend(store.clone()).build().unwrap());
    let app = init_service(App::new().configure(routes).wrap(sessions)).await;
    let cookie = cookie(&send(&app, "/visit", None).await);
    store.probe().fail(Operation::All, Fault::Down);
    store.probe().calls();
    let response = send(&app, "/visit", cookie.as_deref()).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(values(&response, RETRY_AFTER), ["1"]);
    assert_eq!(values(&response, SET_COOKIE), NOTHING);
    assert!(response.error().is_some_and(|error| error.as_error::<SessionRejection>().is_some()));
    assert_eq!(text(response).await, "sessions are unavailable, please try again\n");
    assert_eq!(store.probe().calls(), [Operation::Get]);
}

#[actix_web::test]
async fn on_error_replaces_rejections_of_extractors_and_handlers() {
    let store = store();
    let sessions = SessionMiddleware::new(config().backend(store.clone()).build().unwrap());
    let app = App::new().configure(routes).wrap(sessions.on_error(|error: &SessionError| {
        HttpResponse::build(StatusCode::from_u16(error.status()).unwrap()).json(error.to_string())
    }));
    let app = init_service(app).await;
    let cookie = cookie(&send(&app, "/visit", None).await);
    let response = send(&app, "/reserved", cookie.as_deref()).await;
    assert_eq!(response.status(), 500);
    assert!(response.error().is_some_and(|error| error.as_error::<SessionRejection>().is_some()));
    assert_eq!(text(response).await, r#""session key \"__session\" is reserved""#);
    store.probe().fail(Operation::All, Fault::Down);
    let response = send(&app, "/visit", cookie.as_deref()).await;
    assert_eq!(response.status(), 503);
    assert_eq!(text(response).await, r#""session store unavailable""#);
}

/// Handlers may move it into tasks of other threads.
#[test]
fn the_session_is_send_and_sync() {
    fn assert_send_and_sync<T: Send + Sync + 'static>() {}
    assert_send_and_sync::<Session>();
    assert_send_and_sync::<SessionHandle>();
    assert_send_and_sync::<SessionRejection>();
    assert_send_and_sync::<SessionMiddleware>();
}

async fn sign_in(session: Session) -> Result<&'static str, SessionRejection> {
    session.sign_in(42)?;
    Ok("")
}

async fn user(CurrentUser(user): CurrentUser<u64>) -> String {
    user.to_string()
}

async fn optional_user(user: Option<CurrentUser>) -> String {
    format!("{user:?}")
}

#[actix_web::test]
async fn the_current_user_is_extracted_by_type_and_its_absence_is_a_401() {
    let app = App::new()
        .route("/sign_in", web::get().to(sign_in))
        .route("/user", web::get().to(user))
        .route("/optional", web::get().to(optional_user))
        .wrap(SessionMiddleware::new(config().build().unwrap()));
    let app = init_service(app).await;
    let refused = send(&app, "/user", None).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(text(refused).await, "sign in first\n");
    assert_eq!(text(send(&app, "/optional", None).await).await, "None");
    let cookie = cookie(&send(&app, "/sign_in", None).await);
    assert_eq!(text(send(&app, "/user", cookie.as_deref()).await).await, "42");
    assert_eq!(text(send(&app, "/optional", cookie.as_deref()).await).await, r#"Some(CurrentUser("42"))"#);
}
