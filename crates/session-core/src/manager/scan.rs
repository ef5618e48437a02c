//! Scans all sessions of a store, for tools.

use std::fmt;
use std::time::Duration;

use super::SessionManager;
use crate::backend::{IndexedSession, ScanCursor, ScanPage};
use crate::error::SessionError;
use crate::id::SessionId;
use crate::map::SessionMap;
use crate::meta::{META_KEY, Meta, is_emptied};
use crate::user::UserSession;

/// A session of a store, as [`SessionManager::scan`] finds it.
#[derive(Clone)]
pub struct ScannedSession {
    id: SessionId,
    data: Option<SessionMap>,
    user: Option<(Box<str>, UserSession)>,
    expires_in: Option<Duration>,
}

impl ScannedSession {
    /// Returns the id, for [`SessionManager::destroy`]. Print its [fingerprint](SessionId::fingerprint) instead of the
    /// id.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// Returns the data, without the library's hidden record; `None` if the stored value is unreadable.
    #[must_use]
    pub fn data(&self) -> Option<&SessionMap> {
        self.data.as_ref()
    }

    /// Returns the id of the user who is signed in.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_ref().map(|(id, _)| &**id)
    }

    /// Returns the sign-in: its reference, time and labels; `None` if no user is signed in.
    #[must_use]
    pub fn sign_in(&self) -> Option<&UserSession> {
        self.user.as_ref().map(|(_, session)| session)
    }

    /// Returns the time after which the store drops the session; `None` if the store does not tell.
    #[must_use]
    pub fn expires_in(&self) -> Option<Duration> {
        self.expires_in
    }
}

/// Prints no data, and no id but its fingerprint.
impl fmt::Debug for ScannedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScannedSession")
            .field("id", &self.id)
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

impl SessionManager {
    /// Returns a page of all stored sessions, with and without a user: the first page, or the page after a cursor.
    ///
    /// It is meant for tools, because a scan takes time proportional to the number of all keys in the store. A session
    /// that lives under one id during the whole scan is in at least one page, and may be in two. A page may be empty
    /// and still have a cursor. The request deadline does not apply.
    ///
    /// ```
    /// use session_core::{SessionError, SessionManager};
    ///
    /// async fn count_signed_in(manager: &SessionManager) -> Result<usize, SessionError> {
    ///     let mut page = manager.scan(None).await?;
    ///     let mut count = 0;
    ///     loop {
    ///         count += page.sessions.iter().filter(|session| session.user().is_some()).count();
    ///         let Some(next) = page.next else { return Ok(count) };
    ///         page = manager.scan(Some(&next)).await?;
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SessionError::NoScan`] if sessions live in cookies, or if the store can't list its sessions.
    /// [`SessionError::Store`] if the store failed.
    pub async fn scan(&self, after: Option<&ScanCursor>) -> Result<ScanPage<ScannedSession>, SessionError> {
        let scan = self.context.store().and_then(|store| store.session_scan()).ok_or(SessionError::NoScan)?;
        // A scan has no request deadline. Only the store's own timeouts apply.
        let page = scan.page(&self.context.config.key_prefix, after).await?;
        Ok(ScanPage::new(page.sessions.into_iter().filter_map(|entry| self.scanned(entry)).collect(), page.next))
    }

    /// Returns the session of an entry, if it is live; `None` also for a key of another program.
    fn scanned(&self, entry: IndexedSession) -> Option<ScannedSession> {
        let id = entry.key.strip_prefix(&*self.context.config.key_prefix)?;
        let id = SessionId::parse_foreign(id.as_bytes())?;
        let mut data = entry.stored.map(|stored| stored.session);
        let meta = data.as_ref().map(Meta::of).unwrap_or_default();
        let is_over = meta.remaining(self.context.config.lifetimes, || self.context.now()) == 0;
        if is_over || data.as_ref().is_some_and(is_emptied) {
            return None;
        }
        let user = self.context.user_session(&meta, entry.expires_in).map(|(session, sign_in)| (sign_in.id, session));
        if let Some(data) = &mut data {
            data.remove(META_KEY);
        }
        Some(ScannedSession { id, data, user, expires_in: entry.expires_in })
    }
}
