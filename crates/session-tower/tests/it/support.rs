//! Shorthands for making stores and sending requests.

use http::header::{COOKIE, SET_COOKIE};
use http::{Request, Response};
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

/// A request with the cookie that an earlier response has set, if any.
pub(crate) fn request<B: Default>(path: &str, cookie: Option<&str>) -> Request<B> {
    let mut request = Request::builder().uri(path);
    if let Some(cookie) = cookie {
        request = request.header(COOKIE, cookie);
    }
    request.body(B::default()).expect("a valid request")
}

/// `name=value` of the cookie that a response sets.
pub(crate) fn cookie<B>(response: &Response<B>) -> Option<String> {
    let value = response.headers().get(SET_COOKIE)?.to_str().expect("visible ASCII");
    value.split(';').next().map(str::to_owned)
}
