//! Executes the plan of a write: compare-and-set, replay, retry.
//!
//! Rare branches are boxed, because the future of a commit is moved into a box.

use crate::backend::deadline::{TimedStore, reply_within};
use crate::backend::{
    Applied, BackendError, BackendErrorKind, Create, Marker, Remove, Replace, Rotate, Stored, WriteOutcome,
};
use crate::error::SessionError;
use crate::id::SessionId;
use crate::meta::is_emptied;
use crate::request::attempt::Attempt;
use crate::request::context::EMPTIED_TTL;
use crate::request::phase::Before;
use crate::request::shared::SharedSession;
use crate::request::transfer::{Persisted, Sent};
use crate::user::epoch::record_epoch;

/// The number of id collisions after which the store is considered faulty.
const MAX_ID_COLLISIONS: usize = 3;

impl SharedSession {
    /// Stores a new session. Returns `None` if another task of the request destroyed the session.
    pub(crate) async fn create(&self, store: &mut TimedStore<'_>) -> Result<Option<Persisted>, SessionError> {
        let context = &*self.context;
        let Some((mut attempt, before, login)) = Attempt::begin_new(self) else { return Ok(None) };
        let mut reserved = None;
        match before {
            Before::Nothing => {}
            Before::Destroyed { successor } => reserved = Some(successor),
            // Another request may have renewed the session just now. A login nevertheless begins a new one.
            Before::UnknownId(id) => {
                let marker = store.marker(&context.store_key(&id)).await?;
                self.note_marker(marker.as_ref());
                if matches!(marker, Some(Marker::Renewed { .. })) && !login {
                    attempt.discard();
                    return Ok(Some(Persisted::Gone));
                }
            }
        }
        let mut data = attempt.taken.data.clone();
        let signs_in = attempt.taken.changes.signs_in();
        if signs_in {
            let epoch = Box::pin(self.admit(&data, None, store)).await?;
            record_epoch(&mut data, epoch)?;
        }
        context.config.prepare(&mut data, true)?;
        let (ttl, user) = context.ttl_and_user(&data);
        for _ in 0..MAX_ID_COLLISIONS {
            let id = reserved.take().map_or_else(new_id, Ok)?;
            let sent = attempt.send(Sent { data: data.clone(), new_id: Some(id), replaces: None });
            let key = context.store_key(&id);
            let create = Create::new(&key, &data, ttl).of_user(user.as_deref());
            let outcome = match store.deadline.run(store.store.create(create)).await {
                Ok(outcome) => sent.settle(outcome.map(Some)),
                Err(error) => WriteOutcome::Done(Box::pin(self.after_error(sent, error, store)).await?),
            };
            match outcome {
                WriteOutcome::Done(()) if signs_in => return Box::pin(self.complete_sign_in(store)).await,
                WriteOutcome::Done(()) => return Ok(Some(Persisted::Done)),
                WriteOutcome::Conflict(_) => {}
                WriteOutcome::Gone(_) => {
                    // A logout followed the destroyed session's marker to this session.
                    attempt.discard();
                    return Err(SessionError::Gone);
                }
            }
        }
        Err(BackendError::new(BackendErrorKind::Other, Applied::No).into())
    }

    /// Stores the changes of a session. Returns `None` if another task of the request destroyed the session, or if a
    /// sign-in begins a new session instead.
    pub(crate) async fn write(
        &self,
        renew: bool,
        store: &mut TimedStore<'_>,
    ) -> Result<Option<Persisted>, SessionError> {
        let context = &*self.context;
        let Some((mut attempt, key, version)) = Attempt::begin_stored(self) else { return Ok(None) };
        let (mut data, mut version) = match version {
            Some(version) => (attempt.taken.data.clone(), version),
            None => match store.fetch(&key).await? {
                Some(current) => attempt.replay(current)?,
                None => return Box::pin(self.gone(&key, attempt, renew, None, store)).await,
            },
        };
        let signs_in = attempt.taken.changes.signs_in();
        let mut turn = None;
        loop {
            // Again after each conflict, because the epoch may have ended while this waited for its turn.
            if signs_in {
                let epoch = Box::pin(self.admit(&data, Some(&key), store)).await?;
                record_epoch(&mut data, epoch)?;
            }
            context.config.prepare(&mut data, false)?;
            let emptied = is_emptied(&data);
            let new_id = if renew && !emptied { Some(new_id()?) } else { None };
            let (ttl, user) = if emptied { (EMPTIED_TTL, None) } else { context.ttl_and_user_of_data(&data) };
            let refreshes = attempt.taken.refreshes;
            let sent = attempt.send(Sent { data, new_id, replaces: Some(version) });
            let Sent { data: session, new_id, replaces: Some(expected) } = &sent.sent else { break };
            let reply = if let Some(new_id) = new_id {
                let new_key = context.store_key(new_id);
                let old_user = self.session().bound_user().map(|user| context.user_key(&user.id));
                let rotate = Rotate::new(&key, &new_key, session, ttl, expected);
                let rotate = rotate.of_user(user.as_deref()).old_user(old_user.as_deref());
                Box::pin(store.deadline.run(store.store.rotate(rotate))).await.map(|outcome| outcome.map(Some))
            } else if renew {
                // The old id must not stay valid, and there is no data to move.
                store.remove(Remove::new(&key).at(expected)).await.map(|outcome| outcome.map(|()| None))
            } else {
                let user = user.as_deref().filter(|_| refreshes);
                let replace = Replace::new(&key, session, ttl, expected).of_user(user);
                reply_within!(store.deadline, store.store.replace(replace)).map(|outcome| outcome.map(Some))
            };
            let outcome = match reply {
                Ok(outcome) => sent.settle(outcome),
                Err(error) => WriteOutcome::Done(Box::pin(self.after_error(sent, error, store)).await?),
            };
            let current = match outcome {
                WriteOutcome::Done(()) if signs_in => return Box::pin(self.complete_sign_in(store)).await,
                WriteOutcome::Done(()) => return Ok(Some(Persisted::Done)),
                WriteOutcome::Conflict(current) => current,
                WriteOutcome::Gone(marker) => {
                    return Box::pin(self.gone(&key, attempt, renew, marker, store)).await;
                }
            };
            store.deadline.start();
            if turn.is_none() {
                turn = Box::pin(store.deadline.wait(context.write_locks.lock(&key))).await.ok();
            }
            if turn.is_none() {
                return Err(SessionError::Contended);
            }
            let current = match current {
                Some(current) => current,
                None => match Box::pin(store.fetch(&key)).await? {
                    Some(current) => current,
                    None => return Box::pin(self.gone(&key, attempt, renew, None, store)).await,
                },
            };
            (data, version) = attempt.replay(current)?;
            if renew && is_emptied(&data) && !attempt.taken.changes.is_effective() {
                // Another request has emptied the session, so there is no data for a new id to protect.
                attempt.drop_changes(&Stored::new(data, version));
                return Ok(Some(Persisted::Done));
            }
            // The application's closures take time too.
            if store.deadline.left().is_zero() {
                return Err(SessionError::Contended);
            }
        }
        Err(SessionError::OutcomeUnknown)
    }

    /// Finds out why a session is gone, and what that means for the changes of the attempt. Returns `None` if a sign-in begins
    /// a new session instead.
    async fn gone(
        &self,
        key: &str,
        attempt: Attempt<'_>,
        renew: bool,
        marker: Option<Marker>,
        store: &mut TimedStore<'_>,
    ) -> Result<Option<Persisted>, SessionError> {
        let marker = match marker {
            Some(marker) => Some(marker),
            None => store.marker(key).await?,
        };
        let changes = &attempt.taken.changes;
        if matches!(marker, Some(Marker::Renewed { .. })) && changes.signs_in() && !changes.takes() {
            return match attempt.begin_anew() {
                Ok(()) => Ok(None),
                Err(error) => {
                    self.session().lose();
                    Err(error)
                }
            };
        }
        let only_removes = changes.is_effective() && changes.only_removes();
        let must_not_succeed = changes.takes() || renew;
        attempt.discard();
        match marker {
            // The client must not get a success response to a login or to the use of a one-time value.
            _ if must_not_succeed => Err(SessionError::Gone),
            Some(Marker::Destroyed) => Ok(Some(Persisted::Destroyed)),
            None if only_removes => Ok(Some(Persisted::Done)),
            _ => Ok(Some(Persisted::Gone)),
        }
    }
}

fn new_id() -> Result<SessionId, SessionError> {
    SessionId::random().ok_or(SessionError::NoRandomNumbers)
}
