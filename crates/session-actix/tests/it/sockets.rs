//! Over real sockets: what reaches a client.

use std::convert::Infallible;

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{App, Error, HttpResponse, HttpServer, error};
use futures_util::stream;
use session_actix::{Session, SessionMiddleware, SessionRejection};
use session_testkit::Fault;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{config, store};

async fn visit(session: Session) -> Result<String, SessionRejection> {
    Ok(session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1)?.to_string())
}

async fn read(session: Session) -> String {
    session.to_json()
}

async fn refuse(session: Session) -> Result<String, Error> {
    session.insert("refused", true).map_err(SessionRejection::from)?;
    Err(error::ErrorForbidden("refused"))
}

/// Changes the session after the response head was sent, and says how that went.
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

/// A server with two threads.
struct Server {
    address: std::net::SocketAddr,
    handle: ServerHandle,
}

impl Server {
    fn start(sessions: SessionMiddleware) -> Self {
        let server = HttpServer::new(move || App::new().configure(routes).wrap(sessions.clone()));
        let server = server.workers(2).disable_signals().bind("127.0.0.1:0").expect("a free port");
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { address, handle }
    }

    async fn request(&self, path: &str, cookie: &str) -> Answer {
        let mut socket = TcpStream::connect(self.address).await.expect("a connection");
        let request = format!("GET {path} HTTP/1.0\r\nHost: test\r\nCookie: {cookie}\r\n\r\n");
        socket.write_all(request.as_bytes()).await.expect("sent");
        let mut response = String::new();
        socket.read_to_string(&mut response).await.expect("received");
        let (head, body) = response.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).expect("a status").to_owned();
        let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
        Answer { status, cookie: cookie.map(str::to_owned), head: head.to_owned(), body: body.to_owned() }
    }
}

struct Answer {
    status: String,
    cookie: Option<String>,
    head: String,
    body: String,
}

#[tokio::test]
async fn a_session_comes_back_with_its_cookie_whichever_thread_answers() {
    let server = Server::start(SessionMiddleware::new(config().backend(store()).build().unwrap()));
    let cookie = server.request("/visit", "").await.cookie.unwrap();
    for visits in 2..6 {
        let answer = server.request("/visit", &cookie).await;
        assert_eq!((answer.cookie, answer.body), (None, visits.to_string()));
    }
    server.handle.stop(false).await;
}

/// The store has no compare-and-set: only the locks that all threads share keep updates apart.
#[tokio::test]
async fn concurrent_updates_on_several_threads_are_all_kept() {
    let server = Server::start(SessionMiddleware::new(config().backend(store()).build().unwrap()));
    let cookie = server.request("/visit", "").await.cookie.unwrap();
    let visits = futures_util::future::join_all((0..40).map(|_| server.request("/visit", &cookie))).await;
    assert!(visits.iter().all(|answer| answer.status == "200"));
    assert_eq!(server.request("/read", &cookie).await.body, r#"{"visits":41}"#);
    server.handle.stop(false).await;
}

#[tokio::test]
async fn a_refusal_reaches_the_client_with_its_session() {
    let server = Server::start(SessionMiddleware::new(config().build().unwrap()));
    let answer = server.request("/refuse", "").await;
    assert_eq!((answer.status.as_str(), answer.body.as_str()), ("403", "refused"));
    assert!(answer.head.contains("\r\nvary: Cookie"), "{}", answer.head);
    assert!(answer.head.contains("\r\ncache-control: no-store"), "{}", answer.head);
    assert_eq!(server.request("/read", &answer.cookie.unwrap()).await.body, r#"{"refused":true}"#);
    server.handle.stop(false).await;
}

#[tokio::test]
async fn a_store_that_is_down_is_a_503_and_leaves_the_cookie_alone() {
    let store = store();
    let server = Server::start(SessionMiddleware::new(config().backend(store.clone()).build().unwrap()));
    let cookie = server.request("/visit", "").await.cookie.unwrap();
    store.fail("*", Fault::Down);
    let answer = server.request("/visit", &cookie).await;
    assert_eq!((answer.status.as_str(), answer.cookie), ("503", None));
    assert!(answer.head.contains("\r\nretry-after: 1"), "{}", answer.head);
    server.handle.stop(false).await;
}

#[tokio::test]
async fn a_stream_saves_what_it_changes_after_the_response_head() {
    let server = Server::start(SessionMiddleware::new(config().backend(store()).build().unwrap()));
    let cookie = server.request("/visit", "").await.cookie.unwrap();
    let in_time = server.request("/stream", &cookie).await;
    assert!(in_time.body.contains("saved"), "{}", in_time.body);
    assert_eq!(server.request("/read", &cookie).await.body, r#"{"visits":1,"streamed":true}"#);
    let too_late = server.request("/stream", "").await;
    assert_eq!(too_late.cookie, None);
    assert!(too_late.body.contains("can't be delivered any more"), "{}", too_late.body);
    server.handle.stop(false).await;
}
