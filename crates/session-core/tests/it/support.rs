//! Helpers that several modules of tests share.

mod app;
mod old;
mod plain;

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::test_runner::Config as ProptestConfig;
use session_core::{
    AtomicBackend, Create, MemoryBackend, Replace, Session, SessionHandle, SessionManager, SessionMap, WriteOutcome,
};

pub(crate) use app::{App, Request, Step, assert_succeeded, counting, defaults, increment, respond_together};
pub(crate) use old::{OLD_SECRET, Old};
pub(crate) use plain::Plain;
pub(crate) use session_test_support::Browser;
pub(crate) use session_testkit::{Fault, Operation, Probe, TestClock};

/// A secret of the length that the configuration asks for.
pub(crate) const SECRET: &str = "a secret of at least thirty-two bytes";

/// The time at which tests begin, in Unix seconds.
pub(crate) const NOW: u64 = 1_700_000_000;

/// A clock that stands still.
pub(crate) fn stopped_at(seconds: u64) -> impl Fn() -> SystemTime + Send + Sync + 'static {
    move || UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The outcome of work that never has to wait.
pub(crate) fn at_once<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("nothing here has to wait"),
    }
}

/// Stores a session in memory in place of any other, as another program does.
pub(crate) fn put(memory: &MemoryBackend, key: &str, json: &str, ttl: Duration) {
    let session = SessionMap::from_json(json).expect("the test's own JSON");
    let written = match at_once(memory.fetch(key)).expect("memory does not fail") {
        Some(stored) => at_once(memory.replace(Replace::new(key, &session, ttl, &stored.version))),
        None => at_once(memory.create(Create::new(key, &session, ttl))),
    };
    assert!(matches!(written, Ok(WriteOutcome::Done(_))), "{written:?}");
}

/// Returns the session that memory holds under a key.
pub(crate) fn stored(memory: &MemoryBackend, key: &str) -> Option<SessionMap> {
    at_once(memory.fetch(key)).expect("memory does not fail").map(|stored| stored.session)
}

/// Runs work until it has to wait.
pub(crate) async fn begin<F: Future + Unpin>(work: &mut F) {
    let waits = std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut *work).poll(context).is_pending())).await;
    assert!(waits, "this has to wait");
}

/// Returns the time that the thread has run, as Linux counts it.
pub(crate) fn processor_time() -> Duration {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux has this file");
    let nanoseconds = statistics.split(' ').next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.expect("the file begins with a number"))
}

/// Opens and loads the session of a request with these `Cookie` headers, where that neither waits nor fails.
pub(crate) fn open<'a>(
    manager: &SessionManager,
    headers: impl IntoIterator<Item = &'a [u8]>,
) -> (SessionHandle, Session) {
    let handle = manager.open(headers);
    let session = at_once(handle.load()).expect("the store answers");
    (handle, session)
}

/// The pair `name=value` of a `Set-Cookie` value, as a client sends it back.
pub(crate) fn pair(set_cookie: &str) -> &str {
    set_cookie.split(';').next().expect("splitting gives at least one part")
}

/// Many random cases. One that fails is printed, and leaves no file behind.
pub(crate) fn many_cases() -> ProptestConfig {
    ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() }
}
