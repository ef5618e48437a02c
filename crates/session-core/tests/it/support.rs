//! What several modules of tests share.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use session_core::{Session, SessionHandle, SessionManager};

/// A secret of the length that the configuration asks for.
pub const SECRET: &str = "a secret of at least thirty-two bytes";

/// The time at which tests begin, in Unix seconds.
pub const NOW: u64 = 1_700_000_000;

/// A clock that stands still.
pub fn stopped_at(seconds: u64) -> impl Fn() -> SystemTime + Send + Sync + 'static {
    move || UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The outcome of work that never has to wait.
pub fn at_once<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("nothing here has to wait"),
    }
}

/// Opens and loads the session of a request with these `Cookie` headers, where that neither waits nor fails.
pub fn open<'a>(manager: &SessionManager, headers: impl IntoIterator<Item = &'a [u8]>) -> (SessionHandle, Session) {
    let handle = manager.open(headers);
    let session = at_once(handle.load()).expect("the store answers");
    (handle, session)
}

/// The pair `name=value` of a `Set-Cookie` value, as a client sends it back.
pub fn pair(set_cookie: &str) -> &str {
    set_cookie.split(';').next().expect("splitting gives at least one part")
}
