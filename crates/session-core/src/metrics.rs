//! The places where requests are counted, with the feature `metrics`. Without it nothing is compiled into a request.

#[cfg(feature = "metrics")]
pub(crate) mod meter;

use crate::error::SessionError;
use crate::log::events::Event;
use crate::request::context::SessionContext;

#[cfg_attr(not(feature = "metrics"), allow(unused_variables, clippy::unused_self, reason = "nothing is counted"))]
impl SessionContext {
    /// Counts the load of a session.
    #[inline]
    pub(crate) fn count_load(&self, outcome: &'static str) {
        #[cfg(feature = "metrics")]
        self.config.meter.count_load(outcome);
    }

    /// Counts the commit of a request that used its session.
    #[inline]
    pub(crate) fn count_commit(&self, error: Option<&SessionError>) {
        #[cfg(feature = "metrics")]
        self.config.meter.count_commit(match error.map(SessionError::status) {
            None => "done",
            Some(409) => "conflict",
            Some(400..=499) => "refused",
            Some(503) => "unavailable",
            Some(_) => "failed",
        });
    }

    /// Counts an event of a session's life.
    #[inline]
    pub(crate) fn count_event(&self, event: Event) {
        #[cfg(feature = "metrics")]
        self.config.meter.count_event(match event {
            Event::Created => "created",
            Event::Renewed => "renewed",
            Event::Refreshed => "refreshed",
            Event::Destroyed => "destroyed",
        });
    }
}
