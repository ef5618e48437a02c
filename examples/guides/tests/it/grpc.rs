//! The program of the guide for tonic, called by tonic's client.

use http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Request, Response};
use tonic_prost::ProstCodec;

use crate::client::start;

async fn count(channel: &Channel, cookie: Option<&str>) -> Response<u64> {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.expect("the channel is connected");
    let mut request = Request::new(());
    if let Some(cookie) = cookie {
        request.metadata_mut().insert("cookie", cookie.parse().expect("a cookie is ASCII"));
    }
    let path = PathAndQuery::from_static("/guides.Visits/Count");
    client.unary(request, path, ProstCodec::<(), u64>::default()).await.expect("the method succeeds")
}

#[tokio::test]
async fn tonic_counts_the_calls_of_a_session() {
    let program = start!("tonic");
    let channel = Channel::from_shared(program.url.clone()).unwrap().connect().await.unwrap();
    let first = count(&channel, None).await;
    let cookie = first.metadata().get("set-cookie").unwrap().to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(first.into_inner(), 1);
    assert_eq!(count(&channel, Some(&cookie)).await.into_inner(), 2);
    assert_eq!(count(&channel, None).await.into_inner(), 1);
}
