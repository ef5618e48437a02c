//! A gRPC method with a session.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use session_tower::{MemoryBackend, SessionConfigBuilder, SessionError, SessionHandle, SessionLayer};
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::{Server, server::TcpIncoming};
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;

async fn count(request: Request<()>) -> Result<Response<u64>, Status> {
    let handle = SessionHandle::from_extensions(request.extensions()).map_err(|error| status(error.error()))?;
    let session = handle.load().await.map_err(|error| status(&error))?;
    let visits =
        session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1).map_err(|error| status(&error))?;
    Ok(Response::new(visits))
}

fn status(error: &SessionError) -> Status {
    let code = match error.status() {
        401 => Code::Unauthenticated,
        409 => Code::Aborted,
        503 => Code::Unavailable,
        _ => Code::Internal,
    };
    Status::new(code, error.public_message())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = SessionConfigBuilder::development("session").backend(MemoryBackend::new()).build()?;
    let layer = SessionLayer::new(config).on_error(|error: &SessionError| status(error).into_http::<Body>());
    let address = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    Ok(Server::builder().layer(layer).add_service(Visits).serve_with_incoming(TcpIncoming::from(listener)).await?)
}

// `tonic-prost-build` generates the rest from a `.proto` file, for a service `Visits` with the method `Count`.

type Pinned<T> = Pin<Box<dyn Future<Output = T> + Send>>;

#[derive(Clone)]
struct Visits;

impl NamedService for Visits {
    const NAME: &'static str = "guides.Visits";
}

impl tower::Service<http::Request<Body>> for Visits {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pinned<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async { Ok(Grpc::new(ProstCodec::<u64, ()>::default()).unary(Self, request).await) })
    }
}

impl UnaryService<()> for Visits {
    type Response = u64;
    type Future = Pinned<Result<Response<u64>, Status>>;

    fn call(&mut self, request: Request<()>) -> Self::Future {
        Box::pin(count(request))
    }
}
