//! The log lines of a store's outages: one when an outage begins, a count while it lasts, and one when it ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The shortest time between two error lines of one server.
const PAUSE: Duration = Duration::from_secs(10);

/// Reports the failures of one server to the log, however many requests meet them.
///
/// An outage lasts until everything that failed in it has succeeded again: the server as a whole, if it gave no answer, or
/// an operation that it refuses while it answers others.
pub(crate) struct Outage {
    /// The kind of store, such as `redis`.
    store: &'static str,
    server: Arc<str>,
    ongoing: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The operations that fail; `None` is the server as a whole.
    failing: Vec<Option<&'static str>>,
    began: Option<Instant>,
    /// A line has told of this outage.
    announced: bool,
    last_line: Option<Instant>,
    failures: u64,
    /// The failures since the last line.
    unreported: u64,
    cause: Box<str>,
}

#[derive(Clone, Debug, PartialEq)]
enum Line {
    Began { failures: u64 },
    Continues { failures: u64, lasted: Duration },
    Ended { failures: u64, lasted: Duration },
}

impl Outage {
    pub(crate) fn new(store: &'static str, server: Arc<str>) -> Self {
        Self { store, server, ongoing: AtomicBool::new(false), state: Mutex::default() }
    }

    pub(crate) fn server(&self) -> &Arc<str> {
        &self.server
    }

    /// Records a failed call: of an operation that the server refused, or of any if the server gave no answer.
    ///
    /// The cause goes to the log. It quotes no key, id, secret or session data.
    pub(crate) fn failed(&self, operation: Option<&'static str>, cause: &str) {
        let mut state = self.state();
        self.ongoing.store(true, Ordering::Relaxed);
        let (store, server) = (self.store, &*self.server);
        match state.failed(operation, cause, Instant::now()) {
            None => {}
            Some(Line::Began { failures }) => {
                tracing::error!(store, server, cause, failures, "the session store fails");
            }
            Some(Line::Continues { failures, lasted }) => {
                let seconds = lasted.as_secs();
                tracing::error!(store, server, cause, failures, seconds, "the session store still fails");
            }
            Some(Line::Ended { .. }) => unreachable!("a failure ends no outage"),
        }
    }

    /// Records that the server has carried the operation out.
    pub(crate) fn succeeded(&self, operation: &'static str) {
        // Reading alone leaves the cache line shared.
        if self.ongoing.load(Ordering::Relaxed) {
            self.end(Some(operation));
        }
    }

    #[cold]
    fn end(&self, operation: Option<&'static str>) {
        let mut state = self.state();
        let line = state.succeeded(operation, Instant::now());
        self.ongoing.store(!state.failing.is_empty(), Ordering::Relaxed);
        if let Some(Line::Ended { failures, lasted }) = line {
            let (store, server, seconds) = (self.store, &*self.server, lasted.as_secs());
            tracing::info!(store, server, failures, seconds, "the session store answers again");
        }
    }

    /// Returns the cause of the latest failure in an outage that lasts.
    pub(crate) fn cause(&self) -> Option<String> {
        let state = self.state();
        state.began.map(|_| state.cause.to_string())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn failed(&mut self, operation: Option<&'static str>, cause: &str, now: Instant) -> Option<Line> {
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
        Some(if announced {
            Line::Continues { failures, lasted: now.duration_since(began) }
        } else {
            Line::Began { failures }
        })
    }

    fn succeeded(&mut self, operation: Option<&'static str>, now: Instant) -> Option<Line> {
        self.failing.retain(|failing| failing.is_some() && *failing != operation);
        if !self.failing.is_empty() {
            return None;
        }
        let began = self.began.take()?;
        let (announced, failures) = (self.announced, self.failures);
        (self.announced, self.failures) = (false, 0);
        announced.then(|| Line::Ended { failures, lasted: now.duration_since(began) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_outage_is_reported_when_it_begins_every_ten_seconds_and_when_it_ends() {
        let (mut state, start) = (State::default(), Instant::now());
        assert_eq!(state.failed(None, "refused", start), Some(Line::Began { failures: 1 }));
        let mut lines = Vec::new();
        // Ten calls a second.
        for call in 1..=250 {
            lines.extend(state.failed(None, "refused", start + call * SECOND / 10));
        }
        assert_eq!(
            lines,
            [
                Line::Continues { failures: 100, lasted: 10 * SECOND },
                Line::Continues { failures: 100, lasted: 20 * SECOND }
            ]
        );
        let end = state.succeeded(Some("GET"), start + 26 * SECOND);
        assert_eq!(end, Some(Line::Ended { failures: 251, lasted: 26 * SECOND }));
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
        let once = |failures| [Line::Began { failures }, Line::Ended { failures: 1, lasted: Duration::ZERO }];
        assert_eq!(lines, [once(1), once(10), once(10)].concat());
    }

    #[test]
    fn a_refused_operation_fails_until_it_succeeds_itself() {
        let (mut state, start) = (State::default(), Instant::now());
        assert!(state.failed(Some("SET"), "NOPERM", start).is_some());
        assert_eq!(state.succeeded(Some("GET"), start), None);
        assert_eq!(state.failed(Some("SET"), "NOPERM", start), None);
        assert!(matches!(state.succeeded(Some("SET"), start), Some(Line::Ended { failures: 2, .. })));
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
}
