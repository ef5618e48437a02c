//! Layers of one cookie name within each other: they share the request's session.

use std::convert::Infallible;

use http::header::SET_COOKIE;
use http::{Request, Response, StatusCode};
use session_test_support::Log;
use session_testkit::Operation;
use session_tower::{OnError, PlainText, SessionConfig, SessionError, SessionHandle, SessionLayer};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{NOTHING, SECRET, config, cookie, request, store};

const OTHER_SECRET: &str = "another secret of thirty-two bytes or more";

/// `/login` logs in, `/logout` logs out, `/read` responds with the session, `/untouched` does not use it.
async fn answer(request: Request<String>) -> Result<String, SessionError> {
    let handle = SessionHandle::of(&request).expect("there is a layer");
    match request.uri().path() {
        "/login" => handle.load().await?.insert("user", "ann")?,
        "/logout" => handle.destroy(),
        "/read" => return Ok(handle.load().await?.to_map().into_json()),
        _ => {}
    }
    Ok(String::new())
}

async fn handler(request: Request<String>) -> Result<Response<String>, Infallible> {
    Ok(answer(request).await.map_or_else(|error| PlainText.error_response(&error), Response::new))
}

trait App: Service<Request<String>, Response = Response<String>, Error = Infallible> + Clone {}

impl<S: Service<Request<String>, Response = Response<String>, Error = Infallible> + Clone> App for S {}

/// Counts the request in its session, between two layers.
async fn count(request: Request<String>, inner: impl App) -> Result<Response<String>, Infallible> {
    let session = SessionHandle::of(&request).expect("there is a layer").load().await.expect("the store is up");
    session.update("hits", |hits: Option<u64>| hits.unwrap_or(0) + 1).expect("a number");
    inner.oneshot(request).await
}

fn app(outer: &SessionLayer, inner: &SessionLayer) -> impl App + use<> {
    let inner = inner.layer(service_fn(handler));
    outer.layer(service_fn(move |request| count(request, inner.clone())))
}

async fn send(app: &impl App, path: &str, cookie: Option<&str>) -> Response<String> {
    app.clone().oneshot(request(path, cookie)).await.expect("infallible")
}

fn set_cookies(response: &Response<String>) -> Vec<&str> {
    response.headers().get_all(SET_COOKIE).iter().map(|value| value.to_str().expect("visible ASCII")).collect()
}

/// A login, a request after it and a logout, in each of which users of both layers take part.
async fn assert_one_session(app: &impl App) {
    let login = send(app, "/login", None).await;
    assert_eq!(set_cookies(&login).len(), 1, "{:?}", set_cookies(&login));
    let cookie = cookie(&login);
    let read = send(app, "/read", cookie.as_deref()).await;
    assert_eq!(read.body(), r#"{"hits":2,"user":"ann"}"#);
    let logout = send(app, "/logout", cookie.as_deref()).await;
    let set = set_cookies(&logout);
    assert!(matches!(set[..], [removal] if removal.starts_with("id=; ")), "{set:?}");
}

fn configs() -> [SessionConfig; 2] {
    [config().build().expect("valid"), config().backend(store()).build().expect("valid")]
}

#[tokio::test]
async fn one_layer_twice_around_a_request_is_one_session() {
    for config in configs() {
        let layer = SessionLayer::new(config);
        assert_one_session(&app(&layer, &layer)).await;
    }
}

#[tokio::test]
async fn layers_of_clones_of_a_configuration_are_one_session() {
    for config in configs() {
        assert_one_session(&app(&SessionLayer::new(config.clone()), &SessionLayer::new(config))).await;
    }
}

#[tokio::test]
async fn a_layer_of_another_name_between_two_of_one_name_leaves_them_one_session() {
    let layer = |name| SessionLayer::new(SessionConfig::builder(SECRET, name).build().expect("valid"));
    let innermost = layer("other").layer(layer("id").layer(service_fn(handler)));
    assert_one_session(&layer("id").layer(service_fn(move |request| count(request, innermost.clone())))).await;
}

#[tokio::test]
async fn one_session_of_two_layers_costs_the_calls_of_one() {
    let store = store();
    let layer = SessionLayer::new(config().backend(store.clone()).build().expect("valid"));
    let app = app(&layer, &layer);
    let cookie = cookie(&send(&app, "/login", None).await);
    assert_eq!(store.probe().calls(), [Operation::Set]);
    send(&app, "/read", cookie.as_deref()).await;
    assert_eq!(store.probe().calls(), [Operation::Get, Operation::Get, Operation::Set]);
}

#[tokio::test]
async fn layers_of_one_name_that_differ_answer_500_and_log_one_error() {
    let store = store();
    let outer = SessionLayer::new(config().backend(store.clone()).build().expect("valid"));
    let other_key = SessionConfig::builder(OTHER_SECRET, "id").backend(store.clone());
    for differing in [other_key, config().backend(crate::support::store()), config()] {
        let app = app(&outer, &SessionLayer::new(differing.build().expect("valid")));
        let log = Log::capture("session_core");
        for path in ["/login", "/logout", "/untouched"] {
            let response = send(&app, path, None).await;
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR, "{path}");
            assert_eq!(set_cookies(&response), NOTHING, "{path}");
        }
        assert_eq!(
            log.take_problems(),
            [r#"ERROR two session layers of one cookie name differ in keys, salt, mode or store cookie="id""#]
        );
    }
    assert_eq!(store.probe().calls(), []);
}
