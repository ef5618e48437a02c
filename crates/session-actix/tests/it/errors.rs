//! Handlers and middleware that return `Err`: their sessions are committed by the status of the error's response.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER, SET_COOKIE, VARY};
use actix_web::middleware::{Next, from_fn};
use actix_web::test::init_service;
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, Error, HttpRequest, HttpResponse, ResponseError};
use session_actix::{Session, SessionError, SessionHandle, SessionMiddleware, SessionRejection};
use session_test_support::Log;
use session_testkit::{Fault, Operation};

use crate::support::{NOTHING, config, cookie, send, store, text, values};

/// An application's own error. Its response has its own status, no matter what `status_code` returns.
#[derive(Debug)]
enum Refused {
    With(u16),
    Session(SessionRejection),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl ResponseError for Refused {
    fn error_response(&self) -> HttpResponse {
        match self {
            Self::With(status) => HttpResponse::build(StatusCode::from_u16(*status).expect("a status")).body("refused"),
            Self::Session(rejection) => rejection.error_response(),
        }
    }
}

impl<E: Into<SessionRejection>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Session(error.into())
    }
}

/// `/write/403` writes and refuses, `/destroy/500` destroys and refuses, `/reserved/…` breaks a rule of the session's.
async fn refuse(handle: SessionHandle, path: &str) -> Result<HttpResponse, Refused> {
    let (action, status) = path.trim_start_matches('/').split_once('/').unwrap_or((path, "403"));
    match action {
        "destroy" => handle.destroy(),
        "reserved" => handle.load().await?.insert("__session", 1)?,
        _ => handle.load().await?.insert("refused", status)?,
    }
    Err(Refused::With(status.parse().unwrap_or(500)))
}

async fn refusing_handler(request: HttpRequest) -> Result<HttpResponse, Refused> {
    refuse(SessionHandle::of(&request)?, request.path()).await
}

async fn refusing_middleware<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if request.path() != "/read" {
        refuse(SessionHandle::of(&request)?, request.path()).await?;
    }
    next.call(request).await
}

fn read_route(config: &mut ServiceConfig) {
    config.route("/read", web::get().to(async |session: Session| session.to_map().into_json()));
}

/// Runs a test twice: the handler refuses, and a middleware does so.
macro_rules! for_handler_and_middleware {
    ($sessions:expr, $test:expr) => {
        let app = App::new().configure(read_route).default_service(web::to(refusing_handler)).wrap($sessions);
        $test(init_service(app).await).await;
        let app = App::new().configure(read_route).wrap(from_fn(refusing_middleware)).wrap($sessions);
        $test(init_service(app).await).await;
    };
}

#[actix_web::test]
async fn a_refusal_commits_its_session_by_its_status() {
    let sessions = SessionMiddleware::new(config().backend(store()).build().unwrap());
    for_handler_and_middleware!(sessions.clone(), async |app| {
        let response = send(&app, "/write/403", None).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert_eq!(values(&response, VARY), ["Cookie"]);
        assert_eq!(values(&response, CACHE_CONTROL), ["no-store"]);
        let cookie = cookie(&response);
        assert_eq!(text(response).await, "refused");
        assert_eq!(text(send(&app, "/read", cookie.as_deref()).await).await, r#"{"refused":"403"}"#);

        let response = send(&app, "/write/500", cookie.as_deref()).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(values(&response, SET_COOKIE), NOTHING);
        assert_eq!(text(send(&app, "/read", cookie.as_deref()).await).await, r#"{"refused":"403"}"#);

        let response = send(&app, "/destroy/500", cookie.as_deref()).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(values(&response, SET_COOKIE)[0].starts_with("id=; "));
        assert_eq!(text(send(&app, "/read", cookie.as_deref()).await).await, "{}");
    });
}

#[actix_web::test]
async fn a_refusal_whose_session_can_not_be_kept_is_an_error_of_the_session() {
    let store = store();
    let sessions = SessionMiddleware::new(config().backend(store.clone()).build().unwrap());
    store.probe().fail(Operation::All, Fault::Down);
    for_handler_and_middleware!(sessions.clone(), async |app| {
        let response = send(&app, "/write/403", None).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(values(&response, RETRY_AFTER), ["1"]);
        assert_eq!(values(&response, SET_COOKIE), NOTHING);
    });
    let sessions = sessions.on_error(|error: &SessionError| HttpResponse::BadGateway().body(error.to_string()));
    for_handler_and_middleware!(sessions.clone(), async |app| {
        let response = send(&app, "/write/403", None).await;
        assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
        assert_eq!(text(response).await, "session store unavailable");
    });
}

#[actix_web::test]
async fn on_error_replaces_an_error_that_is_passed_on_as_the_applications_own() {
    let sessions = SessionMiddleware::new(config().build().unwrap())
        .on_error(|error: &SessionError| HttpResponse::ImATeapot().body(error.to_string()));
    for_handler_and_middleware!(sessions.clone(), async |app| {
        let response = send(&app, "/reserved/403", None).await;
        assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
        assert_eq!(values(&response, VARY), ["Cookie"]);
        assert_eq!(text(response).await, r#"session key "__session" is reserved"#);
    });
}

/// Middleware further out, such as a logger, gets the error.
#[actix_web::test]
async fn outer_middleware_gets_the_error_as_it_was() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = {
        let seen = seen.clone();
        from_fn(move |request: ServiceRequest, next: Next<_>| {
            let seen = seen.clone();
            async move {
                let answer: Result<ServiceResponse<_>, Error> = next.call(request).await;
                let error = answer.as_ref().map_or_else(Some, |response| response.response().error());
                seen.borrow_mut().push(error.is_some_and(|error| error.as_error::<Refused>().is_some()));
                answer
            }
        })
    };
    let sessions = SessionMiddleware::new(config().build().unwrap());
    let app = App::new().wrap(from_fn(refusing_middleware)).wrap(sessions.clone()).wrap(log);
    let app = init_service(app).await;
    assert!(cookie(&send(&app, "/write/403", None).await).is_some());
    assert_eq!(send(&app, "/reserved/403", None).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(*seen.borrow(), [true, true]);
}

#[actix_web::test]
async fn an_error_that_a_handler_passes_on_is_logged_once() {
    let routes = |config: &mut ServiceConfig| {
        config.default_service(web::to(refusing_handler));
    };
    let store = store();
    let sessions = SessionMiddleware::new(config().backend(store.clone()).build().unwrap());
    let app = init_service(App::new().wrap(sessions).configure(routes)).await;
    let cookie = cookie(&send(&app, "/write/200", None).await);
    let log = Log::capture("session_core");
    send(&app, "/reserved/500", cookie.as_deref()).await;
    let passed_on = log.take_problems();
    assert_eq!(passed_on.len(), 1, "{passed_on:?}");
    assert!(passed_on[0].starts_with("WARN a handler failed with a session error"), "{passed_on:?}");
    assert!(passed_on[0].ends_with(r#"session key "__session" is reserved"#), "{passed_on:?}");

    store.probe().fail(Operation::All, Fault::Down);
    send(&app, "/write/200", cookie.as_deref()).await;
    let failed = log.take_problems();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(failed[0].starts_with("ERROR session can't be loaded"), "{failed:?}");

    let without = init_service(App::new().configure(routes)).await;
    send(&without, "/write/200", None).await;
    let missing = log.take_problems();
    assert!(missing[0].starts_with("ERROR a handler asks for a session that its route does not have"), "{missing:?}");
}
