//! The log lines of a store's outages: one when an outage begins, a count while it lasts, and one when it ends.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The shortest time between two error lines of one server.
const PAUSE: Duration = Duration::from_secs(10);

/// Reports the outages of one server to the log, no matter how many requests fail: a line when an outage begins, at most
/// one every 10 seconds while it lasts, and one when it ends. [`outage!`](crate::outage!) makes one.
///
/// If the server does not answer, the outage lasts until it answers again. If it answers but refuses some operations,
/// the outage lasts until each of these has succeeded again.
pub struct Outage {
    server: Arc<str>,
    log: fn(&Line<'_>),
    ongoing: AtomicBool,
    state: Mutex<State>,
}

impl fmt::Debug for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outage").field("server", &self.server).finish_non_exhaustive()
    }
}

/// A line for the log.
#[derive(Debug)]
pub struct Line<'a> {
    /// The name of the server.
    pub server: &'a str,
    /// The cause of the failure; `None` if the outage has ended.
    pub cause: Option<&'a str>,
    /// The number of failures since the last line; at the end of the outage, of all its failures.
    pub failures: u64,
    /// The duration of the outage in whole seconds; `None` when it begins.
    pub seconds: Option<u64>,
}

/// Makes the [`Outage`] of one server: `outage!("redis", "10.0.0.5:6379")`.
///
/// The first argument is the kind of the store, as a literal. The log lines have the calling module as their target, so
/// that operators can filter them by the store's crate.
#[macro_export]
macro_rules! outage {
    ($store:literal, $server:expr) => {
        $crate::Outage::new($server, |line| {
            let $crate::__private::Line { server, cause, failures, seconds } = *line;
            let store = $store;
            match (cause, seconds) {
                (Some(cause), None) => {
                    $crate::__private::tracing::error!(store, server, cause, failures, "the session store fails");
                }
                (Some(cause), Some(seconds)) => {
                    $crate::__private::tracing::error!(
                        store,
                        server,
                        cause,
                        failures,
                        seconds,
                        "the session store still fails"
                    );
                }
                (None, seconds) => {
                    $crate::__private::tracing::info!(
                        store,
                        server,
                        failures,
                        seconds,
                        "the session store answers again"
                    );
                }
            }
        })
    };
}

#[derive(Default)]
struct State {
    /// The operations that fail; `None` is the server as a whole.
    failing: Vec<Option<&'static str>>,
    began: Option<Instant>,
    /// `true` once a line has reported this outage.
    announced: bool,
    last_line: Option<Instant>,
    failures: u64,
    /// The failures since the last line.
    unreported: u64,
    cause: Box<str>,
}

/// A change that is logged.
#[derive(Clone, Copy, Debug, PartialEq)]
struct News {
    failures: u64,
    /// The duration of the outage; `None` when it begins.
    lasted: Option<Duration>,
}

impl Outage {
    #[doc(hidden)]
    pub fn new(server: impl Into<Arc<str>>, log: fn(&Line<'_>)) -> Self {
        Self { server: server.into(), log, ongoing: AtomicBool::new(false), state: Mutex::default() }
    }

    /// Returns the name of the server.
    #[must_use]
    pub fn server(&self) -> &Arc<str> {
        &self.server
    }

    /// Records a failed call. Pass the operation if the server refused it, and `None` if the server did not answer.
    ///
    /// The cause is written to the log, so it must not quote a key, id, secret or session data. While the outage lasts,
    /// a line is logged at most every 10 seconds.
    pub fn failed(&self, operation: Option<&'static str>, cause: &str) {
        let mut state = self.state();
        self.ongoing.store(true, Ordering::Relaxed);
        if let Some(news) = state.failed(operation, cause, Instant::now()) {
            self.tell(Some(cause), news);
        }
    }

    /// Records that the server has applied the operation.
    pub fn succeeded(&self, operation: &'static str) {
        // Reading alone leaves the cache line shared.
        if self.ongoing.load(Ordering::Relaxed) {
            self.end(Some(operation));
        }
    }

    #[cold]
    fn end(&self, operation: Option<&'static str>) {
        let mut state = self.state();
        let news = state.succeeded(operation, Instant::now());
        self.ongoing.store(!state.failing.is_empty(), Ordering::Relaxed);
        if let Some(news) = news {
            self.tell(None, news);
        }
    }

    /// Returns the cause of the latest failure; `None` if there is no outage.
    #[must_use]
    pub fn cause(&self) -> Option<String> {
        let state = self.state();
        state.began.map(|_| state.cause.to_string())
    }

    fn tell(&self, cause: Option<&str>, News { failures, lasted }: News) {
        let seconds = lasted.map(|lasted| lasted.as_secs());
        (self.log)(&Line { server: &self.server, cause, failures, seconds });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn failed(&mut self, operation: Option<&'static str>, cause: &str, now: Instant) -> Option<News> {
        if operation.is_some() {
            // The server has answered.
            self.failing.retain(Option::is_some);
        }
        if !self.failing.contains(&operation) {
            self.failing.push(operation);
        }
        if *self.cause != *cause {
            self.cause = cause.into();
        }
        let began = *self.began.get_or_insert(now);
        self.failures += 1;
        self.unreported += 1;
        if self.last_line.is_some_and(|last| now.duration_since(last) < PAUSE) {
            return None;
        }
        self.last_line = Some(now);
        let (announced, failures) = (self.announced, self.unreported);
        (self.announced, self.unreported) = (true, 0);
        Some(News { failures, lasted: announced.then(|| now.duration_since(began)) })
    }

    fn succeeded(&mut self, operation: Option<&'static str>, now: Instant) -> Option<News> {
        self.failing.retain(|failing| failing.is_some() && *failing != operation);
        if !self.failing.is_empty() {
            return None;
        }
        let began = self.began.take()?;
        let (announced, failures) = (self.announced, self.failures);
        (self.announced, self.failures) = (false, 0);
        announced.then(|| News { failures, lasted: Some(now.duration_since(began)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn began(failures: u64) -> News {
        News { failures, lasted: None }
    }

    fn after(lasted: Duration, failures: u64) -> News {
        News { failures, lasted: Some(lasted) }
    }

    #[test]
    fn an_outage_is_reported_when_it_begins_every_ten_seconds_and_when_it_ends() {
        let (mut state, start) = (State::default(), Instant::now());
        assert_eq!(state.failed(None, "refused", start), Some(began(1)));
        let mut lines = Vec::new();
        // Ten calls a second.
        for call in 1..=250 {
            lines.extend(state.failed(None, "refused", start + call * SECOND / 10));
        }
        assert_eq!(lines, [after(10 * SECOND, 100), after(20 * SECOND, 100)]);
        let end = state.succeeded(Some("GET"), start + 26 * SECOND);
        assert_eq!(end, Some(after(26 * SECOND, 251)));
        assert_eq!(state.succeeded(Some("GET"), start + 27 * SECOND), None);
    }

    #[test]
    fn failures_that_come_and_go_are_reported_every_ten_seconds() {
        let (mut state, start) = (State::default(), Instant::now());
        let mut lines = Vec::new();
        for second in 0..=20 {
            lines.extend(state.failed(None, "late", start + second * SECOND));
            lines.extend(state.succeeded(Some("GET"), start + second * SECOND));
        }
        let once = |failures| [began(failures), after(Duration::ZERO, 1)];
        assert_eq!(lines, [once(1), once(10), once(10)].concat());
    }

    #[test]
    fn a_refused_operation_fails_until_it_succeeds_itself() {
        let (mut state, start) = (State::default(), Instant::now());
        assert!(state.failed(Some("SET"), "NOPERM", start).is_some());
        assert_eq!(state.succeeded(Some("GET"), start), None);
        assert_eq!(state.failed(Some("SET"), "NOPERM", start), None);
        assert!(matches!(state.succeeded(Some("SET"), start), Some(News { failures: 2, .. })));
    }

    #[test]
    fn any_answer_ends_an_outage_without_answers() {
        let (mut state, start) = (State::default(), Instant::now());
        state.failed(None, "refused", start);
        state.failed(Some("SET"), "NOPERM", start);
        assert_eq!(state.failing, [Some("SET")]);
        state.failed(None, "refused", start);
        assert_eq!(state.succeeded(Some("GET"), start), None);
        assert!(state.succeeded(Some("SET"), start).is_some());
    }

    #[test]
    fn lines_are_those_of_the_calling_module() {
        let log = session_test_support::Log::capture("session_backend_support::outage::tests");
        let outage = crate::outage!("redis", "10.0.0.5:6379");
        outage.failed(None, "refused");
        outage.succeeded("GET");
        let place = r#"store="redis" server="10.0.0.5:6379""#;
        assert_eq!(
            log.take(),
            [
                format!(r#"ERROR the session store fails {place} cause="refused" failures=1"#),
                format!("INFO the session store answers again {place} failures=1 seconds=0"),
            ]
        );
    }
}
