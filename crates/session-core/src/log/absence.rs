//! Finds out why a request has no session, and logs it.

use crate::absence::Absence;
use crate::backend::Marker;
use crate::config::policy::OnDuplicate;
use crate::cookie::RequestCookies;
use crate::request::context::SessionContext;
use crate::request::shared::SharedSession;

impl SharedSession {
    /// Returns the reason why the request has no session; `None` if its cookie led to one.
    pub(crate) fn absence(&self) -> Option<Absence> {
        let found_by_store = {
            let session = self.session();
            if session.client_has_session() {
                return None;
            }
            session.absence()
        };
        Some(found_by_store.unwrap_or_else(|| self.context.why_no_token(&self.cookies)))
    }

    /// Records the reason that the marker of an unknown session gives, and logs it.
    pub(crate) fn note_marker(&self, marker: Option<&Marker>) {
        let absence = match marker {
            Some(Marker::Destroyed) => Absence::Destroyed,
            Some(Marker::Renewed { .. }) => Absence::Renewed,
            None => return,
        };
        self.session().note_absence(absence);
        self.log_absence();
    }

    /// Logs the reason why there is no session. Does nothing unless the level is enabled.
    pub(crate) fn log_absence(&self) {
        if tracing::enabled!(target: "session_core::absence", tracing::Level::DEBUG)
            && let Some(absence) = self.absence()
        {
            let (cookie, cause) = (self.context.config.cookie_name(), absence.name());
            let count = self.context.absences.count(absence);
            tracing::debug!(target: "session_core::absence", cookie, cause, count, "the request has no session");
        }
    }
}

impl SessionContext {
    /// Returns the reason why no cookie is the token of a session. Reads the cookies a second time, because few
    /// requests need the reason.
    #[cold]
    fn why_no_token(&self, cookies: &RequestCookies) -> Absence {
        let mut candidates = cookies.newest_first(self.config.cookie_name());
        let candidate = match self.config.on_duplicate {
            OnDuplicate::First => candidates.last(),
            _ => candidates.next(),
        };
        let Some(text) = candidate else {
            return if cookies.is_empty() { Absence::NoCookie } else { Absence::OtherName };
        };
        match self.config.verify(text, Some(self.now())) {
            Ok(_) => Absence::Contradictory,
            Err(Absence::BadSignature) if self.config.format.is_none() => {
                self.config.tokens.why_unverified(text).unwrap_or(Absence::BadSignature)
            }
            Err(absence) => absence,
        }
    }
}
