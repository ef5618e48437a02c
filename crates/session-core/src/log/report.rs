//! Log lines for sessions that can't be loaded, used or committed.

use std::fmt;

use crate::backend::{BackendErrorKind, write_with_causes};
use crate::error::SessionError;
use crate::id::SessionId;
use crate::request::context::SessionContext;
use crate::request::shared::SharedSession;

/// The stage of a request at which its session failed.
#[derive(Clone, Copy)]
pub(crate) enum Stage {
    Load,
    /// A handler has passed the error on.
    Handler,
    Commit,
}

#[derive(Clone, Copy)]
enum Severity {
    /// Another request was faster, or the client's request is wrong. The service works.
    Info,
    /// A client can cause it, by its requests or its data.
    Warn,
    Error,
}

/// Logs one line at the level of a severity.
macro_rules! log_at {
    ($severity:expr, $($line:tt)*) => {
        match $severity {
            Severity::Info => tracing::info!($($line)*),
            Severity::Warn => tracing::warn!($($line)*),
            Severity::Error => tracing::error!($($line)*),
        }
    };
}

impl SessionContext {
    /// Logs the error of a session. A store that keeps failing gets a line every 10 seconds.
    #[cold]
    pub(crate) fn report(&self, stage: Stage, error: &SessionError, id: Option<&SessionId>) {
        let mut failures = None;
        if is_outage(error) {
            failures = self.store_failures.count(self.now());
            if failures.is_none() {
                return;
            }
        }
        let (severity, session, error) = (severity(error), id.map(SessionId::fingerprint), Logged(error));
        match stage {
            Stage::Load => log_at!(severity, session, %error, failures, "session can't be loaded"),
            Stage::Handler => log_at!(severity, session, %error, failures, "a handler failed with a session error"),
            Stage::Commit => log_at!(severity, session, %error, failures, "session can't be committed"),
        }
    }
}

/// Displays an error as the log shows it. Only the error of a store has its causes, because those of other errors may
/// quote session data.
struct Logged<'a>(&'a SessionError);

impl fmt::Display for Logged<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            SessionError::Store(error) => write_with_causes(f, error),
            error => error.fmt(f),
        }
    }
}

impl SharedSession {
    /// Logs an error that a handler has passed on. An error of another layer's session is logged by that layer.
    pub(crate) fn report_passed_on(&self, error: &SessionError) {
        let id = self.peek().map(|session| session.id().copied());
        if id.is_some() || matches!(error, SessionError::UnknownCookieName { .. }) {
            self.context.report(Stage::Handler, error, id.flatten().as_ref());
        }
    }
}

/// Logs a [`SessionError::MissingLayer`], and ignores other errors, which the layer logs. It is meant for adapters.
pub fn report_missing_layer(error: &SessionError) {
    if matches!(error, SessionError::MissingLayer { .. }) {
        tracing::error!(problem = %error, "a handler asks for a session that its route does not have");
    }
}

/// Returns `true` if the store can't be used at all, which affects all sessions.
fn is_outage(error: &SessionError) -> bool {
    matches!(error, SessionError::Store(error) if matches!(
        error.kind(),
        BackendErrorKind::Unavailable | BackendErrorKind::Timeout | BackendErrorKind::Refused
    ))
}

fn severity(error: &SessionError) -> Severity {
    match error {
        _ if (400..500).contains(&error.status()) => Severity::Info,
        SessionError::Value(_)
        | SessionError::ReservedKey { .. }
        | SessionError::TooLarge { .. }
        | SessionError::TooManyKeys { .. }
        | SessionError::CookieTooLarge { .. }
        | SessionError::LifetimeOutOfRange { .. }
        | SessionError::Contended => Severity::Warn,
        _ => Severity::Error,
    }
}
