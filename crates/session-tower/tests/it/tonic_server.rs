//! The documented method of a gRPC service, served by tonic and called by its client.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut};
use session_core::SessionError;
use session_testkit::{Fault, Operation};
use session_tower::{SessionHandle, SessionLayer};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::server::{NamedService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Response, Status};
use tower::Service;

use crate::support::{config, store};

type Pinned<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A text as the message, in place of Protocol Buffers.
#[derive(Clone, Copy, Default)]
struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, text: String, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(text.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        String::from_utf8(bytes.to_vec()).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}

/// A service with one method, as tonic generates it.
#[derive(Clone)]
struct Visits;

impl NamedService for Visits {
    const NAME: &'static str = "test.Visits";
}

impl Service<http::Request<Body>> for Visits {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pinned<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async { Ok(tonic::server::Grpc::new(Text).unary(Self, request).await) })
    }
}

impl UnaryService<String> for Visits {
    type Response = String;
    type Future = Pinned<Result<Response<String>, Status>>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        Box::pin(visits(request))
    }
}

/// Counts the visit. A message of "fail" is an error after the visit was counted.
async fn visits(request: Request<String>) -> Result<Response<String>, Status> {
    let handle = SessionHandle::from_extensions(request.extensions()).map_err(|error| status(error.error()))?;
    let session = handle.load().await.map_err(|error| status(&error))?;
    let count = |visits: Option<u64>| visits.unwrap_or(0) + 1;
    let visits = session.update("visits", count).map_err(|error| status(&error))?;
    match request.get_ref().as_str() {
        "fail" => Err(Status::invalid_argument("asked to fail")),
        _ => Ok(Response::new(visits.to_string())),
    }
}

fn status(error: &SessionError) -> Status {
    match error.status() {
        503 => Status::unavailable(error.public_message()),
        _ => Status::internal(error.public_message()),
    }
}

async fn call(channel: &Channel, message: &str, cookie: Option<&str>) -> Result<Response<String>, Status> {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.expect("the channel is connected");
    let mut request = Request::new(message.to_owned());
    if let Some(cookie) = cookie {
        request.metadata_mut().insert("cookie", cookie.parse().expect("a cookie is ASCII"));
    }
    client.unary(request, http::uri::PathAndQuery::from_static("/test.Visits/Count"), Text).await
}

fn cookie(metadata: &MetadataMap) -> String {
    let set_cookie = metadata.get("set-cookie").expect("a new session has a cookie");
    let set_cookie = set_cookie.to_str().expect("a cookie is ASCII");
    set_cookie.split(';').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_grpc_method_has_a_session_whose_errors_commit() {
    let store = store();
    let config = config().backend(store.clone()).build().unwrap();
    let layer = SessionLayer::new(config).on_error(|error: &SessionError| status(error).into_http::<Body>());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder().layer(layer).add_service(Visits);
    let server = tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();

    let failed = call(&channel, "fail", None).await.unwrap_err();
    assert_eq!(failed.code(), Code::InvalidArgument);
    let cookie = cookie(failed.metadata());
    assert_eq!(call(&channel, "", Some(&cookie)).await.unwrap().into_inner(), "2");

    store.probe().fail(Operation::All, Fault::Down);
    let failed = call(&channel, "", Some(&cookie)).await.unwrap_err();
    assert_eq!((failed.code(), failed.message()), (Code::Unavailable, "sessions are unavailable, please try again"));
    server.abort();
}
