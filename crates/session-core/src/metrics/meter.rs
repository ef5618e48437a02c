//! The counters and histograms. `guide/metrics.md` explains them.

use std::sync::Arc;
use std::time::Duration;

use metrics::{SharedString, Unit, counter, describe_counter, describe_histogram, histogram};

const LOADS: &str = "session_loads_total";
const COMMITS: &str = "session_commits_total";
const EVENTS: &str = "session_events_total";
const CALLS: &str = "session_store_calls_total";
const CALL_SECONDS: &str = "session_store_call_seconds";

/// The metrics of one configuration.
///
/// It keeps no handles of counters, because the application may install its recorder later.
#[derive(Clone)]
pub(crate) struct Meter {
    cookie: Arc<str>,
    store: &'static str,
}

impl Meter {
    /// Makes the meter of a configuration with this cookie name and kind of store.
    pub(crate) fn new(cookie: &str, store: &'static str) -> Self {
        describe_counter!(LOADS, "Requests that asked for their session");
        describe_counter!(COMMITS, "Responses to requests that used their session");
        describe_counter!(EVENTS, "Sessions that were created, renewed, refreshed or destroyed");
        describe_counter!(CALLS, "Calls of the session store");
        describe_histogram!(CALL_SECONDS, Unit::Seconds, "Duration of a call of the session store");
        Self { cookie: cookie.into(), store }
    }

    pub(super) fn count_load(&self, outcome: &'static str) {
        counter!(LOADS, "cookie" => self.cookie(), "store" => self.store, "outcome" => outcome).increment(1);
    }

    pub(super) fn count_commit(&self, outcome: &'static str) {
        counter!(COMMITS, "cookie" => self.cookie(), "store" => self.store, "outcome" => outcome).increment(1);
    }

    pub(super) fn count_event(&self, event: &'static str) {
        counter!(EVENTS, "cookie" => self.cookie(), "store" => self.store, "event" => event).increment(1);
    }

    /// Counts a call of the store, and records its duration.
    pub(crate) fn count_call(&self, operation: &'static str, outcome: &'static str, time: Duration) {
        let (cookie, store) = (self.cookie(), self.store);
        histogram!(CALL_SECONDS, "cookie" => cookie.clone(), "store" => store, "operation" => operation).record(time);
        counter!(CALLS, "cookie" => cookie, "store" => store, "operation" => operation, "outcome" => outcome)
            .increment(1);
    }

    fn cookie(&self) -> SharedString {
        self.cookie.clone().into()
    }
}
