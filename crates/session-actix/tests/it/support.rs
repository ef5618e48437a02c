//! Shorthands for making stores and sending requests.

use actix_http::Request;
use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::{COOKIE, HeaderName, SET_COOKIE};
use actix_web::test::TestRequest;
use actix_web::{Error, HttpResponse};
use session_core::{SessionConfig, SessionConfigBuilder};
use session_testkit::{Probe, SimpleMemory, WatchedSimple};

/// No values of a header.
pub(crate) const NOTHING: [&str; 0] = [];

pub(crate) const SECRET: &str = "a secret of thirty-two bytes or more";

/// A store without compare-and-set, and its probe.
pub(crate) type Store = WatchedSimple<SimpleMemory>;

pub(crate) fn store() -> Store {
    Probe::new().watch_simple(SimpleMemory::new())
}

pub(crate) fn config() -> SessionConfigBuilder {
    SessionConfig::builder(SECRET, "id")
}

/// Sends a request with the given `Cookie` header, if any, and returns the response.
pub(crate) async fn send<B: MessageBody + 'static>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
    path: &str,
    cookie: Option<&str>,
) -> HttpResponse {
    let mut request = TestRequest::with_uri(path);
    if let Some(cookie) = cookie {
        request = request.insert_header((COOKIE, cookie));
    }
    match app.call(request.to_request()).await {
        Ok(response) => response.into_parts().1.map_into_boxed_body(),
        Err(error) => error.error_response(),
    }
}

/// The body of a response.
pub(crate) async fn text(response: HttpResponse) -> String {
    let Ok(bytes) = to_bytes(response.into_body()).await else { panic!("no body") };
    String::from_utf8(bytes.into()).expect("text")
}

/// All values of a header.
pub(crate) fn values(response: &HttpResponse, name: HeaderName) -> Vec<&str> {
    response.headers().get_all(name).map(|value| value.to_str().expect("visible ASCII")).collect()
}

/// `name=value` of the cookie that a response sets.
pub(crate) fn cookie(response: &HttpResponse) -> Option<String> {
    values(response, SET_COOKIE).first()?.split(';').next().map(str::to_owned)
}
