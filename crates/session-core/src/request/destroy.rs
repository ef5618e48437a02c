//! Executes a `destroy`.

use crate::backend::Marker;
use crate::backend::deadline::TimedStore;
use crate::error::SessionError;
use crate::event::SessionEventKind;
use crate::id::SessionId;
use crate::log::events::Event;
use crate::request::shared::SharedSession;

/// The number of sessions that one `destroy` removes.
const MAX_SESSIONS: usize = 8;

impl SharedSession {
    /// Removes the request's session and every session that a verified cookie of the request names. If the session is `replaced`, the
    /// markers name the session that is created next.
    ///
    /// # Errors
    ///
    /// [`SessionError::TooManySessions`] if there were more than [`MAX_SESSIONS`]. Only that many are removed.
    pub(crate) async fn destroy(&self, replaced: bool, store: &mut TimedStore<'_>) -> Result<(), SessionError> {
        let context = &*self.context;
        let mut ids: Vec<SessionId> = self.session().destroyed_id().into_iter().collect();
        for id in context.config.verified_ids(&self.cookies) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        for accepted in context.accepted() {
            ids.extend(accepted.ids(&self.cookies).map(|id| accepted.successor(&id)));
        }
        let found = ids.len();
        ids.truncate(MAX_SESSIONS);
        let successor = if replaced { Some(SessionId::random().ok_or(SessionError::NoRandomNumbers)?) } else { None };
        let marker = successor.map_or(Marker::Destroyed, |successor| Marker::Renewed {
            successor: (*context.store_key(&successor)).into(),
        });

        // A cookie that names no session is removed as well, but not if another logout has destroyed its session.
        let has_cookie = context.has_cookie(&self.cookies);
        let has_session = !ids.is_empty();
        let (target, user) = {
            let session = self.session();
            (session.destroyed_id(), session.signed_out().cloned())
        };
        let user_key = user.as_ref().map(|user| context.user_key(&user.id));
        let user_of = |id| user_key.as_deref().filter(|_| target == Some(id));
        let sessions = ids.iter().map(|id| (context.store_key(id), user_of(*id))).collect();
        let mut has_ended = false;
        // `SessionContext::adopt` relies on this order: a session of an accepted format ends before the one that has
        // taken it over. It may then leave a marker that says "destroyed", so the marker of a replaced session comes first.
        if !replaced {
            has_ended = context.end_accepted(&self.cookies, store.deadline).await?;
        }
        has_ended |= context.end_sessions(sessions, &marker, store).await?;
        if replaced {
            has_ended |= context.end_accepted(&self.cookies, store.deadline).await?;
        }
        self.session().confirm_destroyed(successor, (has_ended || !has_session) && has_cookie);
        ids.iter().for_each(|id| context.log(Event::Destroyed, Some(id)));
        if has_ended {
            context.notify(SessionEventKind::SignedOut, user.as_ref());
        }
        if found > MAX_SESSIONS {
            return Err(SessionError::TooManySessions { found, limit: MAX_SESSIONS });
        }
        Ok(())
    }
}
