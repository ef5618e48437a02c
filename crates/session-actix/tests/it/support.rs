//! A store that can be out of order, and short ways to send requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use actix_http::Request;
use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::{COOKIE, HeaderName, SET_COOKIE};
use actix_web::test::TestRequest;
use actix_web::{Error, HttpResponse};
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

/// What a server sends as the response to a request with the cookie that an earlier response has set, if any.
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
