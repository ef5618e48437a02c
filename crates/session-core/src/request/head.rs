//! The state of the response head with regard to the session's cookie.

/// The head: it can still carry a change of the cookie, or it was sent.
pub(crate) enum ResponseHead {
    Open {
        cookie: CookieChange,
        /// The cookie must be issued again, whatever its age.
        force_refresh: bool,
    },
    Sent {
        /// A handler has changed the session since the head was sent.
        changed_since: bool,
    },
}

/// The change of the client's cookie that the response must carry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum CookieChange {
    None,
    /// The session began in this request.
    New,
    Renewed(ConfirmedBy),
    Refreshed(ConfirmedBy),
    Remove(ConfirmedBy),
}

/// The write that confirmed a change of the cookie.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConfirmedBy {
    ThisCommit,
    /// Other requests may have destroyed the session since.
    EarlierSave,
}

impl ResponseHead {
    pub(crate) fn new(sent: bool) -> Self {
        if sent {
            Self::Sent { changed_since: false }
        } else {
            Self::Open { cookie: CookieChange::None, force_refresh: false }
        }
    }

    pub(crate) fn is_sent(&self) -> bool {
        matches!(self, Self::Sent { .. })
    }

    /// Records that a handler has changed the session.
    pub(crate) fn note_change(&mut self) {
        if let Self::Sent { changed_since } = self {
            *changed_since = true;
        }
    }

    /// Returns `true` if a handler has changed the session since the head was sent.
    pub(crate) fn is_changed_since(&self) -> bool {
        matches!(self, Self::Sent { changed_since: true })
    }

    /// Returns the change of the cookie that the response must carry as things stand.
    pub(crate) fn cookie(&self) -> CookieChange {
        match self {
            Self::Open { cookie, .. } => *cookie,
            Self::Sent { .. } => CookieChange::None,
        }
    }

    pub(crate) fn set_cookie(&mut self, change: CookieChange) {
        if let Self::Open { cookie, .. } = self {
            *cookie = change;
        }
    }

    /// Returns `true` if the cookie must be issued again, whatever its age.
    pub(crate) fn forces_refresh(&self) -> bool {
        matches!(self, Self::Open { force_refresh: true, .. })
    }

    pub(crate) fn force_refresh(&mut self, force: bool) {
        if let Self::Open { force_refresh, .. } = self {
            *force_refresh = force;
        }
    }

    /// Records that a `save` has ended: until the response is sent, other requests may destroy the session.
    pub(crate) fn end_save(&mut self, is_stored: bool) {
        let earlier = ConfirmedBy::EarlierSave;
        self.set_cookie(match self.cookie() {
            CookieChange::Renewed(_) => CookieChange::Renewed(earlier),
            CookieChange::Refreshed(_) => CookieChange::Refreshed(earlier),
            CookieChange::Remove(_) if is_stored => CookieChange::Remove(earlier),
            other => other,
        });
    }

    /// Records that the head is sent. Returns the change of the cookie that it carries.
    pub(crate) fn send(&mut self) -> CookieChange {
        let change = self.cookie();
        if !self.is_sent() {
            *self = Self::Sent { changed_since: false };
        }
        change
    }
}
