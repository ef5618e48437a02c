//! The effect of the middleware on requests and responses.

use actix_web::dev::{RequestHead, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue, RETRY_AFTER, SET_COOKIE, VARY};
use actix_web::middleware::{Next, from_fn};
use actix_web::test::init_service;
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, Error, HttpRequest, HttpResponse};
use session_actix::{MemoryBackend, Session, SessionError, SessionHandle, SessionMiddleware, SessionRejection};
use session_testkit::{Fault, Operation};

use crate::support::{NOTHING, config, cookie, send, store, text, values};

/// `/visit` counts, `/read` reads, `/destroy` destroys, paths with `-500` then fail; `/untouched` does not use the
/// session.
async fn handler(request: HttpRequest) -> Result<HttpResponse, SessionRejection> {
    let handle = SessionHandle::of(&request)?;
    let path = request.path();
    let mut response = if path.ends_with("-500") { HttpResponse::InternalServerError() } else { HttpResponse::Ok() };
    Ok(match path.trim_end_matches("-500") {
        "/visit" => {
            let session = handle.load().await?;
            response.body(session.update("visits", |n: Option<u64>| n.unwrap_or(0) + 1)?.to_string())
        }
        "/read" => response.body(handle.load().await?.to_map().into_json()),
        "/destroy" => {
            handle.destroy();
            response.finish()
        }
        _ => response.finish(),
    })
}

fn routes(config: &mut ServiceConfig) {
    config.default_service(web::to(handler));
}

#[actix_web::test]
async fn a_session_comes_back_with_its_cookie() {
    let store = store();
    for sessions in [
        SessionMiddleware::new(config().build().unwrap()),
        SessionMiddleware::new(config().backend(store.clone()).build().unwrap()),
    ] {
        let app = init_service(App::new().configure(routes).wrap(sessions)).await;
        let first = send(&app, "/visit", None).await;
        let cookie = cookie(&first);
        assert_eq!(text(first).await, "1");
        assert_eq!(text(send(&app, "/visit", cookie.as_deref()).await).await, "2");
    }
    assert_eq!(store.probe().calls(), [Operation::Set, Operation::Get, Operation::Get, Operation::Set]);
}

#[actix_web::test]
async fn a_request_that_asks_for_nothing_is_passed_on_as_it_is() {
    let store = store();
    let sessions = SessionMiddleware::new(config().backend(store.clone()).build().unwrap());
    let app = init_service(App::new().configure(routes).wrap(sessions)).await;
    let cookie = cookie(&send(&app, "/visit", None).await);
    store.probe().calls();
    store.probe().fail(Operation::All, Fault::Down);
    let response = send(&app, "/untouched", cookie.as_deref()).await;
    assert_eq!(response.status(), 200);
    assert!(response.headers().is_empty(), "{:?}", response.headers());
    assert!(store.probe().calls().is_empty());
}

#[actix_web::test]
async fn it_wraps_an_application_a_scope_or_a_resource() {
    async fn visit(session: Session) -> Result<String, SessionRejection> {
        session.insert("a", 1)?;
        Ok(session.to_map().into_json())
    }
    let sessions = SessionMiddleware::new(config().backend(MemoryBackend::new()).build().unwrap());
    let app = App::new()
        .route("/outside", web::get().to(visit))
        .service(web::scope("/scope").wrap(sessions.clone()).route("/visit", web::get().to(visit)))
        .service(web::resource("/resource").wrap(sessions.clone()).route(web::get().to(visit)));
    let app = init_service(app).await;
    assert_eq!(send(&app, "/outside", None).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let first = send(&app, "/scope/visit", None).await;
    assert!(cookie(&first).is_some());
    let second = send(&app, "/resource", cookie(&first).as_deref()).await;
    assert_eq!(cookie(&second), None, "it is one session, which knows this value already");
    assert_eq!(text(second).await, r#"{"a":1}"#);
}

#[actix_web::test]
async fn responses_say_what_caches_must_know() {
    async fn add_headers(
        request: ServiceRequest,
        next: Next<impl actix_web::body::MessageBody>,
    ) -> Result<ServiceResponse<impl actix_web::body::MessageBody>, Error> {
        let mut response = next.call(request).await?;
        response.headers_mut().insert(VARY, HeaderValue::from_static("Origin"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
        response.headers_mut().insert(SET_COOKIE, HeaderValue::from_static("other=1"));
        Ok(response)
    }
    let sessions = SessionMiddleware::new(config().build().unwrap());
    let app = init_service(App::new().configure(routes).wrap(from_fn(add_headers)).wrap(sessions)).await;

    let writes = send(&app, "/visit", None).await;
    assert_eq!(values(&writes, VARY), ["Origin", "Cookie"]);
    assert_eq!(values(&writes, CACHE_CONTROL), ["no-store"]);
    let cookies = values(&writes, SET_COOKIE);
    assert_eq!(cookies.len(), 2);
    assert_eq!(cookies[0], "other=1");

    let session_cookie = cookies[1].split(';').next();
    let reads = send(&app, "/read", session_cookie).await;
    assert_eq!(values(&reads, VARY), ["Origin", "Cookie"]);
    assert_eq!(values(&reads, CACHE_CONTROL), ["public, max-age=60"]);
    assert_eq!(values(&reads, SET_COOKIE), ["other=1"]);
    assert_eq!(text(reads).await, r#"{"visits":1}"#);

    let untouched = send(&app, "/untouched", session_cookie).await;
    assert_eq!(values(&untouched, VARY), ["Origin"]);
}

#[actix_web::test]
async fn a_store_that_is_down_makes_a_503_and_leaves_the_cookie_alone() {
    let store = store();
    let sessions = SessionMiddleware::new(config().backend(store.clone()).build().unwrap());
    let app = init_service(App::new().configure(routes).wrap(sessions)).await;
    let cookie = cookie(&send(&app, "/visit", None).await);
    store.probe().fail(Operation::All, Fault::Down);
    for path in ["/read", "/destroy"] {
        let response = send(&app, path, cookie.as_deref()).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(values(&response, RETRY_AFTER), ["1"]);
        assert_eq!(values(&response, CACHE_CONTROL), ["no-store"]);
        assert_eq!(values(&response, SET_COOKIE), NOTHING);
        assert!(response.error().is_some_and(|error| error.as_error::<SessionRejection>().is_some()), "{path}");
    }
    let response = send(&app, "/visit", None).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "a new session can't be stored");
    assert_eq!(values(&response, SET_COOKIE), NOTHING);
    store.probe().heal();
    let response = send(&app, "/visit", cookie.as_deref()).await;
    assert_eq!(text(response).await, "2", "destroy was not carried out");
}

#[actix_web::test]
async fn a_5xx_response_keeps_no_changes_but_a_destruction() {
    let sessions = SessionMiddleware::new(config().backend(MemoryBackend::new()).build().unwrap());
    let app = init_service(App::new().configure(routes).wrap(sessions)).await;
    let response = send(&app, "/visit-500", None).await;
    assert_eq!(response.status(), 500);
    assert_eq!(values(&response, SET_COOKIE), NOTHING);

    let cookie = cookie(&send(&app, "/visit", None).await);
    let response = send(&app, "/destroy-500", cookie.as_deref()).await;
    assert_eq!(response.status(), 500);
    assert!(values(&response, SET_COOKIE)[0].starts_with("id=; "));
    assert_eq!(text(send(&app, "/read", cookie.as_deref()).await).await, "{}");
}

#[actix_web::test]
async fn on_error_makes_the_response_of_a_failed_commit() {
    let store = store();
    store.probe().fail(Operation::All, Fault::Down);
    let sessions = SessionMiddleware::new(config().backend(store).build().unwrap())
        .on_error(|error: &SessionError| HttpResponse::Ok().body(format!("{} {}", error.status(), error)));
    let app = init_service(App::new().configure(routes).wrap(sessions)).await;
    let response = send(&app, "/visit", None).await;
    assert_eq!(text(response).await, "503 session store unavailable");
}

#[actix_web::test]
async fn a_replaced_response_keeps_the_headers_of_middleware_inside() {
    let store = store();
    let sessions = SessionMiddleware::new(config().backend(store.clone()).build().unwrap());
    let cors = from_fn(|request: ServiceRequest, next: Next<_>| async move {
        let mut response = next.call(request).await?;
        for (name, value) in [("access-control-allow-origin", "https://example.com"), ("etag", "\"1\"")] {
            response.headers_mut().insert(name.parse().unwrap(), HeaderValue::from_static(value));
        }
        Ok::<_, Error>(response)
    });
    let app = init_service(App::new().configure(routes).wrap(cors).wrap(sessions)).await;
    store.probe().fail(Operation::All, Fault::Down);
    let response = send(&app, "/visit", None).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers().get("access-control-allow-origin").unwrap(), "https://example.com");
    assert!(!response.headers().contains_key("etag"));
}

#[actix_web::test]
async fn an_error_response_may_depend_on_the_request() {
    let store = store();
    store.probe().fail(Operation::All, Fault::Down);
    let sessions =
        SessionMiddleware::new(config().backend(store).build().unwrap()).on_error_by_request(|head: &RequestHead| {
            let kind = if head.uri.query() == Some("json") { "application/json" } else { "text/html" };
            move |error: &SessionError| HttpResponse::Ok().body(format!("{kind} {}", error.status()))
        });
    let app = init_service(App::new().configure(routes).wrap(sessions)).await;
    assert_eq!(text(send(&app, "/visit?json", None).await).await, "application/json 503");
    assert_eq!(text(send(&app, "/visit", None).await).await, "text/html 503");
}
