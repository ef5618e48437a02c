//! The documented example of a plain service, served by hyper.

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use session_testkit::{Fault, Operation};
use session_tower::{SessionHandle, SessionLayer, SessionRejection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, service_fn};

use crate::support::{config, store};

async fn visits(request: Request<Incoming>) -> Result<Response<String>, SessionRejection> {
    let session = SessionHandle::of(&request)?.load().await?;
    let visits = session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1)?;
    Ok(Response::new(format!("visit {visits}")))
}

#[tokio::test]
async fn a_service_whose_session_fails_to_load_answers_503() {
    let store = store();
    let layer = SessionLayer::new(config().backend(store.clone()).build().unwrap());
    let service = TowerToHyperService::new(layer.layer(service_fn(visits)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone()).await.unwrap();
        }
    });
    let get = async |cookie: &str| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: {cookie}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        response
    };

    let first = get("").await;
    assert!(first.ends_with("visit 1"), "{first}");
    let (_, cookie) = first.split_once("set-cookie: ").unwrap();
    let cookie = cookie.split(';').next().unwrap();

    store.probe().fail(Operation::All, Fault::Down);
    let failed = get(cookie).await;
    assert!(failed.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{failed}");
    assert!(failed.ends_with("\r\n\r\nsessions are unavailable, please try again\n"), "{failed}");
    server.abort();
}
