//! The events of a session's life: in the log, with the target `session_core::lifecycle`, and for the application.
//!
//! The caller holds no lock of the session, because a log subscriber may ask for it.

use crate::absence::Absence;
use crate::event::{SessionEvent, SessionEventKind};
use crate::id::SessionId;
use crate::map::SessionMap;
use crate::meta::Meta;
use crate::request::context::SessionContext;
use crate::request::head::CookieChange;
use crate::user::sign_in::SignIn;

const TARGET: &str = "session_core::lifecycle";

/// A change of the session that a request has made.
#[derive(Clone, Copy)]
pub(crate) enum Event {
    Created,
    Renewed,
    /// The client gets a new cookie, because the old one was due for a refresh.
    Refreshed,
    Destroyed,
}

impl Event {
    /// Returns the event that a change of the client's cookie stands for. All other events are reported when the store
    /// confirms them.
    pub(crate) fn of(change: CookieChange, cookie_mode: bool) -> Option<Self> {
        match change {
            CookieChange::Refreshed(_) => Some(Self::Refreshed),
            CookieChange::New if cookie_mode => Some(Self::Created),
            CookieChange::Renewed(_) if cookie_mode => Some(Self::Renewed),
            CookieChange::Remove(_) if cookie_mode => Some(Self::Destroyed),
            _ => None,
        }
    }

    /// Returns the kind that is reported to the application. A sign-in creates or renews its session.
    pub(crate) fn kind(self, signs_in: bool) -> Option<SessionEventKind<'static>> {
        match self {
            Self::Created | Self::Renewed if signs_in => Some(SessionEventKind::SignedIn),
            Self::Created => Some(SessionEventKind::Created),
            Self::Renewed => Some(SessionEventKind::Renewed),
            Self::Refreshed => None,
            Self::Destroyed => Some(SessionEventKind::SignedOut),
        }
    }
}

impl SessionContext {
    /// Returns `true` if the application asks for events.
    pub(crate) fn reports_events(&self) -> bool {
        self.config.on_event.is_some()
    }

    /// Logs and counts an event of a session; sessions in the cookie have no id.
    pub(crate) fn log(&self, event: Event, id: Option<&SessionId>) {
        let session = || id.map(SessionId::fingerprint);
        match event {
            Event::Created => tracing::debug!(target: TARGET, session = session(), "session created"),
            Event::Renewed => tracing::debug!(target: TARGET, session = session(), "session renewed"),
            Event::Refreshed => tracing::debug!(target: TARGET, session = session(), "session refreshed"),
            Event::Destroyed => tracing::debug!(target: TARGET, session = session(), "session destroyed"),
        }
        self.count_event(event);
    }

    /// Reports an event to the application, if it asks for events.
    pub(crate) fn notify(&self, kind: SessionEventKind<'_>, sign_in: Option<&SignIn>) {
        if let Some(on_event) = &self.config.on_event {
            on_event(&SessionEvent::new(kind, sign_in));
        }
    }

    /// [Reports](Self::notify) an event of a session with this data, if it has a kind.
    pub(crate) fn notify_of(&self, kind: Option<SessionEventKind<'_>>, data: &SessionMap) {
        if let Some(kind) = kind
            && self.reports_events()
        {
            self.notify(kind, Meta::of(data).user.as_deref());
        }
    }

    /// Reports the reason why a cookie leads to no session.
    pub(crate) fn notify_absence(&self, absence: Absence) {
        match absence {
            Absence::NoCookie | Absence::OtherName => {}
            Absence::Expired => self.notify(SessionEventKind::Expired, None),
            absence => self.notify(SessionEventKind::CookieRefused(absence), None),
        }
    }
}

/// Logs that the changes of a failed response are dropped.
pub(crate) fn log_dropped_by_status(id: Option<&SessionId>, status: u16) {
    let session = || id.map(SessionId::fingerprint);
    tracing::debug!(target: TARGET, session = session(), status, "changes dropped, because the response failed");
}

/// Logs that changes are dropped because another request has destroyed or renewed the session.
pub(crate) fn log_dropped_by_loss() {
    tracing::debug!(target: TARGET, "changes dropped, because another request ended the session");
}
