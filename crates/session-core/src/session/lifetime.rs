//! The lifetime of a single session.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Session, set_meta};
use crate::error::SessionError;
use crate::meta::{Meta, RecordChange};

/// The time that a session lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lifetime {
    /// Until the browser is closed: the cookie has no `Max-Age`. The server ends the session after the configured
    /// `max_age` without use.
    Browser,
    /// This long without use, rounded up to whole seconds.
    For(Duration),
    /// Until this time, rounded up to whole seconds, no matter how much the session is used.
    Until(SystemTime),
}

impl Session {
    /// Gives this session its own lifetime, such as a longer one for "remember me". The configuration must allow it: by
    /// default [`longest_max_age`](crate::SessionConfigBuilder::longest_max_age) is `max_age`, so only shorter ones pass.
    ///
    /// ```
    /// # use session_core::{Session, SessionError};
    /// use std::time::Duration;
    /// use session_core::Lifetime;
    ///
    /// fn remember(session: &Session) -> Result<(), SessionError> {
    ///     session.set_lifetime(Lifetime::For(Duration::from_secs(90 * 24 * 3600)))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`SessionError::LifetimeOutOfRange`] if the lifetime is shorter than a second, longer than the configuration's
    ///   [`longest_max_age`](crate::SessionConfigBuilder::longest_max_age), or longer than the rest of the session's
    ///   absolute lifetime.
    /// - [`SessionError::HeadersSent`] if the response head was sent.
    /// - [`SessionError::Gone`] after a [`save`](Self::save) has found the session gone.
    pub fn set_lifetime(&self, lifetime: Lifetime) -> Result<(), SessionError> {
        let context = &self.shared.context;
        let now = context.now();
        let mut session = self.state();
        if session.head().is_sent() {
            return Err(SessionError::HeadersSent);
        }
        let meta = Meta { max_age: None, until: None, browser: false, ..Meta::of(session.data()) };
        let lifetimes = context.config.lifetimes;
        let rest =
            lifetimes.absolute.map(|absolute| meta.created.unwrap_or(now).saturating_add(absolute).saturating_sub(now));
        let longest = rest.unwrap_or(u64::MAX).min(lifetimes.longest);
        let check = |given: Duration| {
            let seconds = given.as_secs() + u64::from(given.subsec_nanos() > 0);
            if given < Duration::from_secs(1) || seconds > longest {
                return Err(SessionError::LifetimeOutOfRange { given, longest: Duration::from_secs(longest) });
            }
            Ok(seconds)
        };
        let meta = match lifetime {
            Lifetime::Browser => Meta { browser: true, ..meta },
            Lifetime::For(time) => Meta { max_age: Some(check(time)?), ..meta },
            Lifetime::Until(end) => {
                let end = end.duration_since(UNIX_EPOCH).unwrap_or_default();
                let seconds = check(end.saturating_sub(Duration::from_secs(now)))?;
                Meta { until: Some(now + seconds), ..meta }
            }
        };
        set_meta(&mut session, &meta, RecordChange::Lifetime)?;
        session.head_mut().force_refresh(true);
        Ok(())
    }

    /// Gives the session the configured lifetime again.
    ///
    /// # Errors
    ///
    /// [`SessionError::HeadersSent`] if the response head was sent, and [`SessionError::Gone`] after a [`save`](Self::save)
    /// has found the session gone.
    pub fn reset_lifetime(&self) -> Result<(), SessionError> {
        let mut session = self.state();
        let meta = Meta::of(session.data());
        if !meta.has_lifetime() {
            return Ok(());
        }
        if session.head().is_sent() {
            return Err(SessionError::HeadersSent);
        }
        let meta = Meta { max_age: None, until: None, browser: false, ..meta };
        set_meta(&mut session, &meta, RecordChange::Lifetime)?;
        session.head_mut().force_refresh(true);
        Ok(())
    }

    /// Returns the session's lifetime: its own, or the configured one.
    #[must_use]
    pub fn lifetime(&self) -> Lifetime {
        let lifetimes = self.shared.context.config.lifetimes;
        match Meta::of(self.state().data()) {
            Meta { until: Some(end), .. } => Lifetime::Until(UNIX_EPOCH + Duration::from_secs(end)),
            Meta { max_age: Some(seconds), .. } => Lifetime::For(Duration::from_secs(seconds)),
            meta if meta.ends_with_browser(lifetimes) => Lifetime::Browser,
            _ => Lifetime::For(Duration::from_secs(lifetimes.idle)),
        }
    }

    /// Returns the time after which the session expires if it is not used again.
    #[must_use]
    pub fn expires_in(&self) -> Duration {
        let context = &self.shared.context;
        let meta = Meta::of(self.state().data());
        Duration::from_secs(meta.remaining(context.config.lifetimes, || context.now()))
    }
}
