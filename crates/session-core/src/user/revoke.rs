//! Ends sessions by their store keys, and lists a user's sessions.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::try_join_all;

use crate::backend::deadline::{Deadline, TimedStore};
use crate::backend::{Marker, Remove, StoreFuture, UserIndex, WriteOutcome};
use crate::error::SessionError;
use crate::meta::Meta;
use crate::request::context::{SessionContext, StoreKey};
use crate::user::UserSession;
use crate::user::sign_in::SignIn;

/// The largest number of renewals of one session within a minute that are followed.
const LONGEST_CHAIN: usize = 64;

/// The number of sessions that are removed at a time.
const AT_A_TIME: usize = 64;

/// A session to end, with its user if that is known.
pub(crate) type Ending<'a> = (StoreKey, Option<&'a str>);

/// A listed session, with its key.
pub(crate) struct Listed {
    pub(crate) key: StoreKey,
    /// `None` if an entry of the index names no session (yet).
    pub(crate) session: Option<(UserSession, SignIn)>,
}

impl SessionContext {
    /// Removes sessions and the sessions that they were renewed to, and leaves this marker. Returns `true` unless all
    /// were destroyed before.
    ///
    /// # Errors
    ///
    /// If the store fails, and if a session was renewed too often within a minute.
    pub(crate) async fn end_sessions(
        &self,
        sessions: Vec<Ending<'_>>,
        marker: &Marker,
        store: &mut TimedStore<'_>,
    ) -> Result<bool, SessionError> {
        let mut ended_any = false;
        let mut pending = sessions;
        let mut seen = HashSet::new();
        for _ in 0..LONGEST_CHAIN {
            pending.retain(|(key, _)| seen.insert(key.to_string()));
            if pending.is_empty() {
                return Ok(ended_any);
            }
            let mut successors = Vec::new();
            for sessions in pending.chunks(AT_A_TIME) {
                let removals = sessions
                    .iter()
                    .map(|(key, user)| store.store.remove(Remove::new(key).leaving(marker.clone()).of_user(*user)));
                let outcomes = store.deadline.run(StoreFuture::pending(try_join_all(removals))).await?;
                for (outcome, (_, user)) in outcomes.into_iter().zip(sessions) {
                    match outcome {
                        WriteOutcome::Done(()) | WriteOutcome::Gone(None) => ended_any = true,
                        // A logout also ends the renewed session, because it applies to the user, not to the id.
                        WriteOutcome::Gone(Some(Marker::Renewed { successor })) => {
                            successors.push((StoreKey::Long(successor), *user));
                        }
                        WriteOutcome::Gone(Some(Marker::Destroyed)) | WriteOutcome::Conflict(_) => {}
                    }
                }
            }
            pending = successors;
        }
        if pending.is_empty() { Ok(ended_any) } else { Err(SessionError::Contended) }
    }

    /// Returns the index entries of a user's sessions that have not ended.
    pub(crate) async fn list(
        &self,
        user: &str,
        index: &dyn UserIndex,
        deadline: &mut Deadline,
    ) -> Result<Vec<Listed>, SessionError> {
        let entries = deadline.run(index.sessions(&self.user_key(user))).await?;
        let listed = entries.into_iter().filter_map(|entry| {
            let key = StoreKey::Long(entry.key);
            let Some(stored) = entry.stored else { return Some(Listed { key, session: None }) };
            let session = self.user_session(&Meta::of(&stored.session), entry.expires_in);
            Some(Listed { key, session: Some(session.filter(|(_, sign_in)| *sign_in.id == *user)?) })
        });
        Ok(listed.collect())
    }

    /// Returns a signed-in session as lists show it, unless its lifetime is over.
    pub(crate) fn user_session(&self, meta: &Meta, expires_in: Option<Duration>) -> Option<(UserSession, SignIn)> {
        let (now, lifetimes) = (self.now(), self.config.lifetimes);
        let sign_in = meta.user.as_deref().filter(|_| meta.remaining(lifetimes, || now) > 0)?;
        // The store keeps a session one second longer than its cookie is valid. The result is too early if the
        // session's absolute lifetime ends first.
        let seen = expires_in.map(|rest| (now + rest.as_secs()).saturating_sub(meta.idle(lifetimes) + 1));
        let seen = seen.map(|seen| seen.clamp((sign_in.at / 1000).min(now), now));
        Some((UserSession::new(sign_in.clone(), seen), sign_in.clone()))
    }
}
