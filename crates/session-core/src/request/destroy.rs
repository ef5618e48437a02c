//! Carries out a `destroy`.

use std::collections::HashSet;

use futures_util::future::try_join_all;

use crate::backend::{AtomicBackend, Marker, Remove, StoreFuture, WriteOutcome};
use crate::error::SessionError;
use crate::id::SessionId;
use crate::request::context::StoreKey;
use crate::request::deadline::Deadline;
use crate::request::events::{self, Event};
use crate::request::shared::SharedSession;

/// The number of sessions that one `destroy` removes.
const MAX_SESSIONS: usize = 8;

/// The number of renewals of one session within a minute that a `destroy` follows.
const LONGEST_CHAIN: usize = 64;

impl SharedSession {
    /// Removes the request's session and every session that a verified cookie of the request names. If the session is `replaced`, the
    /// markers name the session that is created next.
    ///
    /// # Errors
    ///
    /// [`SessionError::TooManySessions`] if there were more than [`MAX_SESSIONS`], of which so many are removed.
    pub(crate) async fn destroy(
        &self,
        replaced: bool,
        store: &dyn AtomicBackend,
        deadline: &mut Deadline,
    ) -> Result<(), SessionError> {
        let context = &*self.context;
        let mut ids: Vec<SessionId> = self.session().destroyed_id().into_iter().collect();
        for id in context.verified_ids(&self.cookies, context.now()) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        let found = ids.len();
        ids.truncate(MAX_SESSIONS);
        let successor = match replaced {
            true => Some(SessionId::random().ok_or(SessionError::NoRandomNumbers)?),
            false => None,
        };
        let marker = successor.map_or(Marker::Destroyed, |successor| Marker::Renewed {
            successor: (*context.store_key(&successor)).into(),
        });

        // A cookie that names no session is removed as well, but not one whose session another logout has destroyed.
        let has_cookie = self.cookies.names(context.config.cookie_name());
        let mut removes_cookie = ids.is_empty();
        let mut keys: Vec<StoreKey> = ids.iter().map(|id| context.store_key(id)).collect();
        let mut seen = HashSet::new();
        for _ in 0..LONGEST_CHAIN {
            keys.retain(|key| seen.insert(key.to_string()));
            if keys.is_empty() {
                break;
            }
            let removals = keys.iter().map(|key| store.remove(Remove::new(key).leaving(marker.clone())));
            let outcomes = deadline.run(StoreFuture::pending(try_join_all(removals))).await?;
            keys.clear();
            for outcome in outcomes {
                match outcome {
                    WriteOutcome::Done(()) | WriteOutcome::Gone(None) => removes_cookie = true,
                    // A logout is meant for the person: it also ends the renewed session.
                    WriteOutcome::Gone(Some(Marker::Renewed { successor })) => keys.push(StoreKey::Long(successor)),
                    WriteOutcome::Gone(Some(Marker::Destroyed)) | WriteOutcome::Conflict(_) => {}
                }
            }
        }
        if !keys.is_empty() {
            return Err(SessionError::Contended);
        }
        self.session().confirm_destroyed(successor, removes_cookie && has_cookie);
        ids.iter().for_each(|id| events::log(Event::Destroyed, Some(id)));
        if found > MAX_SESSIONS {
            return Err(SessionError::TooManySessions { found, limit: MAX_SESSIONS });
        }
        Ok(())
    }
}
