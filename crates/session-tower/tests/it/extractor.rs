//! The extractors in axum.

use axum::body::Body;
use axum::routing::get;
use axum::{Json, Router};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use session_test_support::Log;
use session_testkit::{Fault, Operation};
use session_tower::{CurrentUser, Session, SessionError, SessionHandle, SessionLayer, SessionRejection};
use tower::ServiceExt;

use crate::support::{config, cookie, request, store};

async fn visit(session: Session) -> Result<String, SessionRejection> {
    Ok(session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1)?.to_string())
}

fn router() -> Router {
    Router::new()
        .route("/visit", get(visit))
        .route(
            "/reserved",
            get(|session: Session| async move { Ok::<_, SessionRejection>(session.insert("__session", 1)?) }),
        )
        .route("/logout", get(|handle: SessionHandle| async move { handle.destroy() }))
        .route("/optional", get(|handle: Option<SessionHandle>| async move { handle.is_some().to_string() }))
}

async fn send(app: &Router, path: &str, cookie: Option<&str>) -> Response<Body> {
    app.clone().oneshot(request::<Body>(path, cookie)).await.expect("infallible")
}

async fn text(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    String::from_utf8(bytes.into()).expect("text")
}

#[tokio::test]
async fn handlers_use_the_session_without_waiting() {
    let app = router().layer(SessionLayer::new(config().build().unwrap()));
    let first = send(&app, "/visit", None).await;
    let cookie = cookie(&first);
    assert_eq!(text(first).await, "1");
    let second = send(&app, "/visit", cookie.as_deref()).await;
    assert_eq!(text(second).await, "2");
    let logout = send(&app, "/logout", cookie.as_deref()).await;
    assert!(logout.headers()["set-cookie"].to_str().unwrap().starts_with("id=; "));
}

#[tokio::test]
async fn a_missing_layer_is_a_500_that_tells_clients_nothing_more() {
    let response = send(&router(), "/visit", None).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(text(response).await, "internal server error\n");
    assert_eq!(text(send(&router(), "/optional", None).await).await, "false");
}

#[tokio::test]
async fn a_store_that_is_down_is_a_503_before_the_handler_runs() {
    let store = store();
    let app = router().layer(SessionLayer::new(config().backend(store.clone()).build().unwrap()));
    let cookie = cookie(&send(&app, "/visit", None).await);
    store.probe().fail(Operation::All, Fault::Down);
    store.probe().calls();
    let response = send(&app, "/visit", cookie.as_deref()).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(text(response).await, "sessions are unavailable, please try again\n");
    assert_eq!(store.probe().calls(), [Operation::Get]);
}

#[tokio::test]
async fn on_error_replaces_rejections_of_extractors_and_handlers() {
    let store = store();
    let layer = SessionLayer::new(config().backend(store.clone()).build().unwrap());
    let app = router().layer(layer.on_error(|error: &SessionError| {
        let mut response = axum::response::IntoResponse::into_response(Json(error.to_string()));
        *response.status_mut() = StatusCode::from_u16(error.status()).unwrap();
        response
    }));
    let cookie = cookie(&send(&app, "/visit", None).await);
    let response = send(&app, "/reserved", cookie.as_deref()).await;
    assert_eq!(response.status(), 500);
    assert_eq!(text(response).await, r#""session key \"__session\" is reserved""#);
    store.probe().fail(Operation::All, Fault::Down);
    let response = send(&app, "/visit", cookie.as_deref()).await;
    assert_eq!(response.status(), 503);
    assert_eq!(text(response).await, r#""session store unavailable""#);
}

#[tokio::test]
async fn an_error_that_a_handler_passes_on_is_logged_once() {
    let store = store();
    let app = router().layer(SessionLayer::new(config().backend(store.clone()).build().unwrap()));
    let cookie = cookie(&send(&app, "/visit", None).await);
    let log = Log::capture("session_core");
    send(&app, "/reserved", cookie.as_deref()).await;
    let passed_on = log.take_problems();
    assert_eq!(passed_on.len(), 1, "{passed_on:?}");
    assert!(passed_on[0].starts_with("WARN a handler failed with a session error"), "{passed_on:?}");
    assert!(passed_on[0].ends_with(r#"session key "__session" is reserved"#), "{passed_on:?}");

    store.probe().fail(Operation::All, Fault::Down);
    send(&app, "/visit", cookie.as_deref()).await;
    let failed = log.take_problems();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(failed[0].starts_with("ERROR session can't be loaded"), "{failed:?}");

    send(&router(), "/visit", None).await;
    let missing = log.take_problems();
    assert_eq!(missing.len(), 1, "{missing:?}");
    assert!(missing[0].starts_with("ERROR a handler asks for a session that its route does not have"), "{missing:?}");
}

#[tokio::test]
async fn the_current_user_is_extracted_by_type_and_its_absence_is_a_401() {
    let app = Router::new()
        .route("/sign_in", get(|session: Session| async move { Ok::<_, SessionRejection>(session.sign_in(42)?) }))
        .route("/user", get(|CurrentUser(user): CurrentUser<u64>| async move { user.to_string() }))
        .route("/other_type", get(|_: CurrentUser<std::net::Ipv4Addr>| async {}))
        .route("/optional", get(|user: Option<CurrentUser>| async move { format!("{user:?}") }))
        .layer(SessionLayer::new(config().build().unwrap()));
    let refused = send(&app, "/user", None).await;
    assert_eq!((refused.status(), text(refused).await.as_str()), (StatusCode::UNAUTHORIZED, "sign in first\n"));
    assert_eq!(text(send(&app, "/optional", None).await).await, "None");
    let cookie = cookie(&send(&app, "/sign_in", None).await);
    assert_eq!(text(send(&app, "/user", cookie.as_deref()).await).await, "42");
    assert_eq!(text(send(&app, "/optional", cookie.as_deref()).await).await, r#"Some(CurrentUser("42"))"#);
    assert_eq!(send(&app, "/other_type", cookie.as_deref()).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
}
