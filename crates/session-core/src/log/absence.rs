//! Finds out why a request has no session, and logs it.

use crate::absence::Absence;
use crate::backend::Marker;
use crate::config::policy::OnDuplicate;
use crate::cookie::RequestCookies;
use crate::request::context::SessionContext;
use crate::request::shared::SharedSession;

const TARGET: &str = "session_core::absence";

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
        self.context.log_absence(absence);
    }
}

impl SessionContext {
    /// Returns `true` if the log, the metrics or the application want the reasons why requests have no session.
    pub(crate) fn reports_absences(&self) -> bool {
        cfg!(feature = "metrics") || self.reports_events() || is_logged()
    }

    /// Reports the reason why a load has found no session.
    pub(crate) fn report_absence(&self, absence: Absence) {
        self.log_absence(absence);
        self.count_load(absence.name());
        self.notify_absence(absence);
    }

    /// Logs the reason why there is no session. Does nothing unless the level is enabled.
    fn log_absence(&self, absence: Absence) {
        if is_logged() {
            let (cookie, cause) = (self.config.cookie_name(), absence.name());
            let count = self.absences.count(absence);
            tracing::debug!(target: TARGET, cookie, cause, count, "the request has no session");
        }
    }

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

fn is_logged() -> bool {
    tracing::enabled!(target: TARGET, tracing::Level::DEBUG)
}
