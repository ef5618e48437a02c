//! A tower service on hyper, without a framework.

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use session_tower::{SessionConfig, SessionHandle, SessionLayer, SessionRejection};
use tower::{Layer, service_fn};

async fn visits(request: Request<Incoming>) -> Result<Response<String>, SessionRejection> {
    let session = SessionHandle::of(&request)?.load().await?;
    let visits = session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1)?;
    Ok(Response::new(format!("visit {visits}\n")))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = std::env::var("SESSION_SECRET").map_err(|_| "SESSION_SECRET is not set")?;
    let config = SessionConfig::builder(secret, "session").build()?;
    let service = TowerToHyperService::new(SessionLayer::new(config).layer(service_fn(visits)));
    let address = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let service = service.clone();
        tokio::spawn(async move {
            if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
                eprintln!("{error}");
            }
        });
    }
}
