//! Over real sockets: what reaches a client.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{Error, HttpResponse, error};
use futures_util::stream;
use session_actix::{Session, SessionMiddleware, SessionRejection};
use session_testkit::scenarios::Response;
use session_testkit::{Fault, Operation};

use crate::server::{Server, cookie};
use crate::support::{config, store};

async fn visit(session: Session) -> Result<String, SessionRejection> {
    Ok(session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1)?.to_string())
}

async fn read(session: Session) -> String {
    session.to_map().into_json()
}

async fn refuse(session: Session) -> Result<String, Error> {
    session.insert("refused", true).map_err(SessionRejection::from)?;
    Err(error::ErrorForbidden("refused"))
}

/// Changes the session after the response head was sent, and responds with the outcome.
async fn stream_and_save(session: Session) -> HttpResponse {
    let body = stream::unfold(Some(session), |session| async {
        let session = session?;
        let told = match session.insert("streamed", true) {
            Ok(()) => session.save().await.map_or_else(|error| error.to_string(), |()| "saved".to_owned()),
            Err(error) => error.to_string(),
        };
        Some((Ok::<_, Infallible>(Bytes::from(told)), None))
    });
    HttpResponse::Ok().streaming(body)
}

fn routes(config: &mut ServiceConfig) {
    config
        .route("/visit", web::get().to(visit))
        .route("/read", web::get().to(read))
        .route("/refuse", web::get().to(refuse))
        .route("/stream", web::get().to(stream_and_save));
}

fn values<'a>(response: &'a Response, name: &str) -> Vec<&'a str> {
    response.values(name).collect()
}

#[tokio::test]
async fn a_session_comes_back_with_its_cookie_whichever_thread_answers() {
    let server = Server::start(SessionMiddleware::new(config().backend(store()).build().unwrap()), routes);
    let cookie = cookie(&server.request("/visit", "").await).unwrap();
    for visits in 2..6 {
        let answer = server.request("/visit", &cookie).await;
        assert_eq!((values(&answer, "set-cookie"), answer.body.as_str()), (vec![], visits.to_string().as_str()));
    }
}

/// The store has no compare-and-set: only the locks that all threads share keep updates apart.
#[tokio::test]
async fn concurrent_updates_on_several_threads_are_all_kept() {
    let store = store();
    let server = Server::start(SessionMiddleware::new(config().backend(store.clone()).build().unwrap()), routes);
    let cookie = cookie(&server.request("/visit", "").await).unwrap();
    store.probe().fail(Operation::Set, Fault::Slow(Duration::from_millis(1)));
    let visits = futures_util::future::join_all((0..16).map(|_| server.request("/visit", &cookie))).await;
    assert!(visits.iter().all(|answer| answer.status == 200));
    assert_eq!(server.request("/read", &cookie).await.body, r#"{"visits":17}"#);
}

#[tokio::test]
async fn a_refusal_reaches_the_client_with_its_session() {
    let server = Server::start(SessionMiddleware::new(config().build().unwrap()), routes);
    let answer = server.request("/refuse", "").await;
    assert_eq!((answer.status, answer.body.as_str()), (403, "refused"));
    assert_eq!(values(&answer, "vary"), ["Cookie"]);
    assert_eq!(values(&answer, "cache-control"), ["no-store"]);
    assert_eq!(server.request("/read", &cookie(&answer).unwrap()).await.body, r#"{"refused":true}"#);
}

#[tokio::test]
async fn a_store_that_is_down_is_a_503_and_leaves_the_cookie_alone() {
    let store = store();
    let server = Server::start(SessionMiddleware::new(config().backend(store.clone()).build().unwrap()), routes);
    let cookie = cookie(&server.request("/visit", "").await).unwrap();
    store.probe().fail(Operation::All, Fault::Down);
    let answer = server.request("/visit", &cookie).await;
    assert_eq!((answer.status, values(&answer, "set-cookie")), (503, vec![]));
    assert_eq!(values(&answer, "retry-after"), ["1"]);
}

#[tokio::test]
async fn a_stream_saves_what_it_changes_after_the_response_head() {
    let server = Server::start(SessionMiddleware::new(config().backend(store()).build().unwrap()), routes);
    let cookie = cookie(&server.request("/visit", "").await).unwrap();
    let in_time = server.request("/stream", &cookie).await;
    assert!(in_time.body.contains("saved"), "{}", in_time.body);
    assert_eq!(server.request("/read", &cookie).await.body, r#"{"visits":1,"streamed":true}"#);
    let too_late = server.request("/stream", "").await;
    assert!(values(&too_late, "set-cookie").is_empty());
    assert!(too_late.body.contains("can't be delivered any more"), "{}", too_late.body);
}
