//! Log lines, events for the application, and the reason why a request has no session.

pub(crate) mod absence;
pub(crate) mod events;
pub(crate) mod report;
pub(crate) mod throttle;
