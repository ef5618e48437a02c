//! Middleware of one cookie name within each other: they share the request's session.

use actix_http::Request;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::SET_COOKIE;
use actix_web::middleware::{Next, from_fn};
use actix_web::test::init_service;
use actix_web::{App, Error, HttpRequest, web};
use session_actix::{SessionConfig, SessionHandle, SessionMiddleware, SessionRejection};
use session_test_support::Log;
use session_testkit::Operation;

use crate::support::{NOTHING, SECRET, config, cookie, send, store, text, values};

const OTHER_SECRET: &str = "another secret of thirty-two bytes or more";

/// `/login` logs in, `/logout` logs out, `/read` responds with the session, `/untouched` does not use it.
async fn handler(request: HttpRequest, handle: SessionHandle) -> Result<String, SessionRejection> {
    match request.path() {
        "/login" => handle.load().await?.insert("user", "ann")?,
        "/logout" => handle.destroy(),
        "/read" => return Ok(handle.load().await?.to_map().into_json()),
        _ => {}
    }
    Ok(String::new())
}

/// Counts the request in its session, between two layers.
async fn count<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let session = SessionHandle::of(&request)?.load().await.map_err(SessionRejection::from)?;
    session.update("hits", |hits: Option<u64>| hits.unwrap_or(0) + 1).map_err(SessionRejection::from)?;
    next.call(request).await
}

async fn app(
    outer: SessionMiddleware,
    inner: SessionMiddleware,
) -> impl Service<Request, Response = ServiceResponse<impl MessageBody + 'static>, Error = Error> {
    init_service(App::new().default_service(web::to(handler)).wrap(inner).wrap(from_fn(count)).wrap(outer)).await
}

/// A login, a request after it and a logout, in each of which users of both middleware take part.
async fn assert_one_session(
    app: &impl Service<Request, Response = ServiceResponse<impl MessageBody + 'static>, Error = Error>,
) {
    let login = send(app, "/login", None).await;
    assert_eq!(values(&login, SET_COOKIE).len(), 1, "{:?}", values(&login, SET_COOKIE));
    let cookie = cookie(&login);
    let read = send(app, "/read", cookie.as_deref()).await;
    assert_eq!(text(read).await, r#"{"hits":2,"user":"ann"}"#);
    let logout = send(app, "/logout", cookie.as_deref()).await;
    let set = values(&logout, SET_COOKIE);
    assert!(matches!(set[..], [removal] if removal.starts_with("id=; ")), "{set:?}");
}

fn configs() -> [SessionConfig; 2] {
    [config().build().expect("valid"), config().backend(store()).build().expect("valid")]
}

#[actix_web::test]
async fn one_middleware_twice_around_a_request_is_one_session() {
    for config in configs() {
        let sessions = SessionMiddleware::new(config);
        assert_one_session(&app(sessions.clone(), sessions).await).await;
    }
}

#[actix_web::test]
async fn middleware_of_clones_of_a_configuration_is_one_session() {
    for config in configs() {
        let (outer, inner) = (SessionMiddleware::new(config.clone()), SessionMiddleware::new(config));
        assert_one_session(&app(outer, inner).await).await;
    }
}

#[actix_web::test]
async fn middleware_of_another_name_between_two_of_one_name_leaves_them_one_session() {
    let sessions = |name| SessionMiddleware::new(SessionConfig::builder(SECRET, name).build().expect("valid"));
    let app = App::new().default_service(web::to(handler)).wrap(sessions("id")).wrap(sessions("other"));
    assert_one_session(&init_service(app.wrap(from_fn(count)).wrap(sessions("id"))).await).await;
}

#[actix_web::test]
async fn one_session_of_two_middlewares_costs_the_calls_of_one() {
    let store = store();
    let sessions = SessionMiddleware::new(config().backend(store.clone()).build().expect("valid"));
    let app = app(sessions.clone(), sessions).await;
    let cookie = cookie(&send(&app, "/login", None).await);
    assert_eq!(store.probe().calls(), [Operation::Set]);
    send(&app, "/read", cookie.as_deref()).await;
    assert_eq!(store.probe().calls(), [Operation::Get, Operation::Get, Operation::Set]);
}

#[actix_web::test]
async fn middlewares_of_one_name_that_differ_answer_500_and_log_one_error() {
    let store = store();
    let outer = SessionMiddleware::new(config().backend(store.clone()).build().expect("valid"));
    let other_key = SessionConfig::builder(OTHER_SECRET, "id").backend(store.clone());
    for differing in [other_key, config().backend(crate::support::store()), config()] {
        let app = app(outer.clone(), SessionMiddleware::new(differing.build().expect("valid"))).await;
        let log = Log::capture("session_core");
        for path in ["/login", "/logout", "/untouched"] {
            let response = send(&app, path, None).await;
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR, "{path}");
            assert_eq!(values(&response, SET_COOKIE), NOTHING, "{path}");
        }
        assert_eq!(
            log.take_problems(),
            [r#"ERROR two session layers of one cookie name differ in keys, salt, mode or store cookie="id""#]
        );
    }
    assert_eq!(store.probe().calls(), []);
}
