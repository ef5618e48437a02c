//! A store that can be out of order, and short ways to send requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http::header::{COOKIE, SET_COOKIE};
use http::{Request, Response};
use session_core::{
    Applied, BackendError, BackendErrorKind, ISessionBackend, MemoryBackend, SessionConfig, SessionConfigBuilder,
    SessionMap, async_trait,
};

pub(crate) const SECRET: &str = "a secret of thirty-two bytes or more";

/// A store without compare-and-set that counts its calls and is down on demand.
#[derive(Clone, Default)]
pub(crate) struct Flaky {
    memory: MemoryBackend,
    down: Arc<AtomicBool>,
    calls: Arc<AtomicUsize>,
}

impl Flaky {
    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn call(&self) -> Result<(), BackendError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        match self.down.load(Ordering::SeqCst) {
            true => Err(BackendError::new(BackendErrorKind::Unavailable, Applied::No)),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl ISessionBackend for Flaky {
    async fn get(&self, key: &str) -> Result<Option<SessionMap>, BackendError> {
        self.call()?;
        self.memory.get(key).await
    }

    async fn set(&self, key: &str, value: &SessionMap, exp: Duration) -> Result<(), BackendError> {
        self.call()?;
        self.memory.set(key, value, exp).await
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        self.call()?;
        self.memory.delete(key).await
    }
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
