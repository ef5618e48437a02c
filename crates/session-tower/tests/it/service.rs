//! Plain tower services: any body, any error.

use std::convert::Infallible;

use axum::body::Bytes;
use http::header::{CACHE_CONTROL, RETRY_AFTER, SET_COOKIE, VARY};
use http::{Request, Response, StatusCode};
use http_body_util::{Empty, Full};
use session_testkit::{Fault, Operation};
use session_tower::{RequestHead, SessionError, SessionHandle, SessionLayer, SessionRejection};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{config, cookie, request, store};

type Answer = Result<Response<String>, SessionRejection>;

/// `/visit` counts, `/read` reads, `/destroy` destroys, `/untouched` does not use the session.
async fn app(request: Request<String>) -> Answer {
    let handle = SessionHandle::of(&request)?;
    let mut response = Response::default();
    match request.uri().path() {
        "/visit" => {
            let session = handle.load().await?;
            *response.body_mut() = session.update("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?.to_string();
        }
        "/read" => *response.body_mut() = handle.load().await?.to_map().into_json(),
        "/destroy" => handle.destroy(),
        "/write-and-500" => {
            handle.load().await?.insert("late", true)?;
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
        _ => {}
    }
    Ok(response)
}

async fn send<S>(service: &S, path: &str, cookie: Option<&str>) -> Response<String>
where
    S: Service<Request<String>, Response = Response<String>, Error: std::fmt::Debug> + Clone,
{
    service.clone().oneshot(request(path, cookie)).await.expect("a response")
}

#[tokio::test]
async fn a_session_comes_back_with_its_cookie() {
    let store = store();
    for layer in [
        SessionLayer::new(config().build().unwrap()),
        SessionLayer::new(config().backend(store.clone()).build().unwrap()),
    ] {
        let service = layer.layer(service_fn(app));
        let first = send(&service, "/visit", None).await;
        assert_eq!(first.body(), "1");
        let second = send(&service, "/visit", cookie(&first).as_deref()).await;
        assert_eq!(second.body(), "2");
    }
    assert_eq!(store.probe().calls(), [Operation::Set, Operation::Get, Operation::Get, Operation::Set]);
}

#[tokio::test]
async fn a_request_that_asks_for_nothing_is_passed_on_as_it_is() {
    let store = store();
    let service = SessionLayer::new(config().backend(store.clone()).build().unwrap()).layer(service_fn(app));
    let cookie = cookie(&send(&service, "/visit", None).await);
    store.probe().calls();
    store.probe().fail(Operation::All, Fault::Down);
    let response = send(&service, "/untouched", cookie.as_deref()).await;
    assert_eq!(response.status(), 200);
    assert!(response.headers().is_empty(), "{:?}", response.headers());
    assert!(store.probe().calls().is_empty());
}

#[tokio::test]
async fn responses_say_what_caches_must_know() {
    let service = SessionLayer::new(config().build().unwrap()).layer(service_fn(|request: Request<String>| async {
        let mut response = app(request).await?;
        response.headers_mut().insert(VARY, "Origin".parse().unwrap());
        response.headers_mut().insert(CACHE_CONTROL, "public, max-age=60".parse().unwrap());
        response.headers_mut().insert(SET_COOKIE, "other=1".parse().unwrap());
        Answer::Ok(response)
    }));
    let values = |response: &Response<String>, name| -> Vec<String> {
        response.headers().get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    };

    let writes = send(&service, "/visit", None).await;
    assert_eq!(values(&writes, VARY), ["Origin", "Cookie"]);
    assert_eq!(values(&writes, CACHE_CONTROL), ["no-store"]);
    let cookies = values(&writes, SET_COOKIE);
    assert_eq!(cookies.len(), 2);
    assert_eq!(cookies[0], "other=1");

    let session_cookie = cookies[1].split(';').next();
    let reads = send(&service, "/read", session_cookie).await;
    assert_eq!(reads.body(), r#"{"visits":1}"#);
    assert_eq!(values(&reads, VARY), ["Origin", "Cookie"]);
    assert_eq!(values(&reads, CACHE_CONTROL), ["public, max-age=60"]);
    assert_eq!(values(&reads, SET_COOKIE), ["other=1"]);

    let untouched = send(&service, "/untouched", session_cookie).await;
    assert_eq!(values(&untouched, VARY), ["Origin"]);
}

#[tokio::test]
async fn a_store_that_is_down_makes_a_503_and_leaves_the_cookie_alone() {
    let store = store();
    let layer = SessionLayer::new(config().backend(store.clone()).build().unwrap());
    let service = layer.layer(service_fn(|request| async {
        // What an application without axum does with a rejection.
        Ok::<_, Infallible>(app(request).await.unwrap_or_else(SessionRejection::into_response))
    }));
    let cookie = cookie(&send(&service, "/visit", None).await);
    store.probe().fail(Operation::All, Fault::Down);
    for path in ["/read", "/destroy"] {
        let response = send(&service, path, cookie.as_deref()).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(response.headers()[RETRY_AFTER], "1");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert!(!response.headers().contains_key(SET_COOKIE));
    }
    let response = send(&service, "/visit", None).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "a new session can't be stored");
    assert!(!response.headers().contains_key(SET_COOKIE));
    store.probe().heal();
    assert_eq!(send(&service, "/visit", cookie.as_deref()).await.body(), "2", "destroy was not carried out");
}

#[tokio::test]
async fn a_service_that_fails_commits_a_destruction_and_no_changes() {
    let layer = SessionLayer::new(config().backend(store()).build().unwrap());
    let failing = layer.layer(service_fn(|request: Request<String>| async {
        app(request).await.expect("the session is there");
        Err::<Response<String>, _>("out of order")
    }));
    let working = layer.layer(service_fn(app));
    let cookie = cookie(&send(&working, "/visit", None).await);

    let fail = |path: &'static str| failing.clone().oneshot(request(path, cookie.as_deref()));
    assert_eq!(fail("/visit").await.unwrap_err(), "out of order");
    assert_eq!(send(&working, "/read", cookie.as_deref()).await.body(), r#"{"visits":1}"#);
    assert_eq!(fail("/destroy").await.unwrap_err(), "out of order");
    assert_eq!(send(&working, "/read", cookie.as_deref()).await.body(), "{}");
}

#[tokio::test]
async fn a_service_that_fails_is_a_503_if_its_destruction_fails_too() {
    let store = store();
    let layer = SessionLayer::new(config().backend(store.clone()).build().unwrap());
    let service = layer.layer(service_fn(|request: Request<String>| async {
        app(request).await.expect("the session is there");
        Err::<Response<String>, _>("out of order")
    }));
    let cookie = cookie(&send(&layer.layer(service_fn(app)), "/visit", None).await);
    store.probe().fail(Operation::All, Fault::Down);
    let response = send(&service, "/destroy", cookie.as_deref()).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
}

#[tokio::test]
async fn an_error_of_the_session_is_answered_however_a_service_wraps_it() {
    type Boxed = Box<dyn std::error::Error + Send + Sync>;

    let store = store();
    let layer = SessionLayer::new(config().backend(store.clone()).build().unwrap());
    let as_it_is = layer.layer(service_fn(app));
    let boxed = layer.layer(service_fn(|request| async { app(request).await.map_err(Boxed::from) }));
    let within_another = layer.layer(service_fn(|request| async {
        app(request).await.map_err(|error| Boxed::from(std::io::Error::other(error)))
    }));
    let as_text = layer.layer(service_fn(|request| async { app(request).await.map_err(|error| error.to_string()) }));
    let cookie = cookie(&send(&as_it_is, "/visit", None).await);

    store.probe().fail(Operation::All, Fault::Down);
    for response in [
        send(&as_it_is, "/visit", cookie.as_deref()).await,
        send(&boxed, "/visit", cookie.as_deref()).await,
        send(&within_another, "/visit", cookie.as_deref()).await,
        send(&as_text, "/visit", cookie.as_deref()).await,
    ] {
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[RETRY_AFTER], "1");
        assert_eq!(response.body(), "sessions are unavailable, please try again\n");
    }
}

#[tokio::test]
async fn a_replaced_response_keeps_the_headers_of_layers_inside() {
    const KEPT: &str = "access-control-allow-origin";
    const REPLACED: [&str; 3] = ["etag", "content-type", "location"];

    let store = store();
    let layer = SessionLayer::new(config().backend(store.clone()).build().unwrap())
        .on_error(|error: &SessionError| Response::new(error.public_message().to_owned()));
    let cors = async |request: Request<String>| {
        let mut response = app(request).await.unwrap_or_else(SessionRejection::into_response);
        response.headers_mut().insert(KEPT, "https://example.com".parse().unwrap());
        for name in REPLACED {
            response.headers_mut().insert(name, "text/x".parse().unwrap());
        }
        Ok::<_, Infallible>(response)
    };
    let service = layer.layer(service_fn(cors));
    let cookie = cookie(&send(&service, "/visit", None).await);

    store.probe().fail(Operation::All, Fault::Down);
    // One fails to load, the other to commit.
    for response in [send(&service, "/visit", cookie.as_deref()).await, send(&service, "/visit", None).await] {
        assert_eq!(response.body(), "sessions are unavailable, please try again");
        assert_eq!(response.headers()[KEPT], "https://example.com");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert!(!REPLACED.iter().any(|name| response.headers().contains_key(*name)), "{response:?}");
    }
}

#[tokio::test]
async fn a_5xx_response_keeps_no_changes() {
    let service = SessionLayer::new(config().build().unwrap()).layer(service_fn(app));
    let response = send(&service, "/write-and-500", None).await;
    assert_eq!(response.status(), 500);
    assert!(!response.headers().contains_key(SET_COOKIE));
}

#[tokio::test]
async fn on_error_makes_the_response_of_a_failed_commit() {
    let store = store();
    store.probe().fail(Operation::All, Fault::Down);
    let layer = SessionLayer::new(config().backend(store).build().unwrap())
        .on_error(|error: &SessionError| Response::new(format!("{} {}", error.status(), error)));
    let response = send(&layer.layer(service_fn(app)), "/visit", None).await;
    assert_eq!(response.body(), "503 session store unavailable");
}

/// Bodies need no `Default`. Those that can't be made from text need `on_error`.
#[tokio::test]
async fn every_kind_of_body_works() {
    let config = config().build().unwrap();
    let full = SessionLayer::new(config.clone()).layer(service_fn(|request: Request<()>| async move {
        let session = SessionHandle::of(&request).unwrap().load().await.unwrap();
        session.insert("a", 1).unwrap();
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    }));
    let response = full.oneshot(request("/", None)).await.unwrap();
    assert!(cookie(&response).is_some());
    let empty = SessionLayer::new(config).on_error(|_: &SessionError| Response::new(Empty::<&[u8]>::new())).layer(
        service_fn(|request: Request<()>| async move {
            let session = SessionHandle::of(&request).unwrap().load().await.unwrap();
            session.insert("a", 1).unwrap();
            Ok::<_, Infallible>(Response::new(Empty::new()))
        }),
    );
    let response = empty.oneshot(request("/", None)).await.unwrap();
    assert!(cookie(&response).is_some());
}

#[tokio::test]
async fn a_missing_layer_is_an_error_that_says_what_to_add() {
    let error = SessionHandle::of(&request::<String>("/", None)).unwrap_err();
    assert!(error.to_string().contains("SessionLayer::new(config)"), "{error}");
}

#[tokio::test]
async fn an_error_response_may_depend_on_the_request() {
    let store = store();
    store.probe().fail(Operation::All, Fault::Down);
    let layer =
        SessionLayer::new(config().backend(store).build().unwrap()).on_error_by_request(|head: RequestHead<'_>| {
            let kind = if head.uri.query() == Some("json") { "application/json" } else { "text/html" };
            move |error: &SessionError| Response::new(format!("{kind} {}", error.status()))
        });
    let service = layer.layer(service_fn(app));
    assert_eq!(send(&service, "/visit?json", None).await.body(), "application/json 503");
    assert_eq!(send(&service, "/visit", None).await.body(), "text/html 503");
}
