//! Carries out the plan of a write: compare-and-set, replay, retry.
//!
//! Rare branches are boxed, because the future of a commit is moved into a box.

use std::time::Duration;

use crate::backend::deadline::{Deadline, reply_within};
use crate::backend::{
    Applied, AtomicBackend, BackendError, BackendErrorKind, Create, Marker, Remove, Replace, Rotate, Stored, Version,
    WriteOutcome,
};
use crate::error::SessionError;
use crate::id::SessionId;
use crate::map::SessionMap;
use crate::meta::is_emptied;
use crate::request::attempt::Attempt;
use crate::request::context::EMPTIED_TTL;
use crate::request::outcome::Persisted;
use crate::request::phase::Before;
use crate::request::shared::SharedSession;
use crate::user::epoch::stamp;

/// The number of id collisions after which the store is considered faulty.
const MAX_ID_COLLISIONS: usize = 3;

impl SharedSession {
    /// Stores a new session. Returns `None` if another task of the request destroyed it.
    pub(crate) async fn create(
        &self,
        store: &dyn AtomicBackend,
        deadline: &mut Deadline,
    ) -> Result<Option<Persisted>, SessionError> {
        let context = &*self.context;
        let Some((mut attempt, before, login)) = Attempt::begin_new(self) else { return Ok(None) };
        let mut reserved = None;
        match before {
            Before::Nothing => {}
            Before::Destroyed { successor } => reserved = Some(successor),
            // It may have been renewed just now. A login begins a new session all the same.
            Before::UnknownId(id) => {
                let marker = deadline.run(store.marker(&context.store_key(&id))).await?;
                self.note_marker(marker.as_ref());
                if matches!(marker, Some(Marker::Renewed { .. })) && !login {
                    attempt.discard();
                    self.session().lose();
                    return Ok(Some(Persisted::Gone));
                }
            }
        }
        let mut data = attempt.data.clone();
        if store.user_epochs().is_some() {
            let epoch = Box::pin(context.join_epoch(&data, store, deadline)).await?;
            stamp(&mut data, epoch)?;
        }
        context.prepare(&mut data, true)?;
        let (ttl, user) = context.ttl_and_user(&data);
        let is_limited = context.config.session_limit.is_some() && attempt.signs_in();
        if is_limited {
            Box::pin(self.check_limit(&data, None, store, deadline)).await?;
        }
        for _ in 0..MAX_ID_COLLISIONS {
            let id = match reserved.take() {
                Some(id) => id,
                None => SessionId::random().ok_or(SessionError::NoRandomNumbers)?,
            };
            let sent = attempt.send(data.clone(), Some(id), None);
            let key = context.store_key(&id);
            let create = Create::new(&key, &data, ttl).of_user(user.as_deref());
            let reply = deadline.run(store.create(create)).await;
            match reply {
                Ok(WriteOutcome::Done(version)) => {
                    sent.confirm(version);
                    if is_limited {
                        Box::pin(self.enforce_limit(&data, store, deadline)).await?;
                    }
                    return Ok(Some(Persisted::Done));
                }
                Ok(WriteOutcome::Conflict(_)) => sent.not_applied(),
                Ok(WriteOutcome::Gone(_)) => {
                    // A logout followed the marker of the destroyed session to this one.
                    sent.not_applied();
                    attempt.discard();
                    self.session().lose();
                    return Err(SessionError::Gone);
                }
                Err(error) => {
                    Box::pin(self.after_error(sent, error, store, deadline)).await?;
                    return Ok(Some(Persisted::Done));
                }
            }
        }
        Err(BackendError::new(BackendErrorKind::Other, Applied::No).into())
    }

    /// Stores the changes of a session. Returns `None` if another task of the request destroyed it.
    pub(crate) async fn write(
        &self,
        renew: bool,
        store: &dyn AtomicBackend,
        deadline: &mut Deadline,
    ) -> Result<Option<Persisted>, SessionError> {
        let context = &*self.context;
        let Some((mut attempt, key, version)) = Attempt::begin_stored(self) else { return Ok(None) };
        let (mut data, mut version) = match version {
            Some(version) => (attempt.data.clone(), version),
            None => match deadline.run(store.fetch(&key)).await? {
                Some(current) => attempt.replay(current)?,
                None => return Box::pin(self.gone(&key, attempt, renew, None, store, deadline)).await,
            },
        };
        let is_limited = context.config.session_limit.is_some() && attempt.signs_in();
        if is_limited {
            Box::pin(self.check_limit(&data, Some(&key), store, deadline)).await?;
        }
        let epoch = match attempt.signs_in() && store.user_epochs().is_some() {
            true => Box::pin(context.join_epoch(&data, store, deadline)).await?,
            false => None,
        };
        let mut turn = None;
        loop {
            if epoch.is_some() {
                stamp(&mut data, epoch)?;
            }
            context.prepare(&mut data, false)?;
            let emptied = is_emptied(&data);
            let new_id = match renew && !emptied {
                true => Some(SessionId::random().ok_or(SessionError::NoRandomNumbers)?),
                false => None,
            };
            let (ttl, user) = if emptied { (EMPTIED_TTL, None) } else { context.ttl_and_user_of_data(&data) };
            let refreshes = attempt.refreshes;
            let sent = attempt.send(data, new_id, Some(version));
            let (session, expected) = (&sent.sent, sent.replaces.as_ref());
            let Some(expected) = expected else { return Err(SessionError::OutcomeUnknown) };
            let reply = if let Some(new_id) = &new_id {
                Box::pin(self.rotate(&key, new_id, session, (ttl, user), expected, store, deadline)).await
            } else if renew {
                // An old id must not live on: without data there is nothing to move.
                removed(deadline.run(store.remove(Remove::new(&key).at(expected))).await)
            } else {
                let user = user.as_deref().filter(|_| refreshes);
                let replace = Replace::new(&key, session, ttl, expected).of_user(user);
                written(reply_within!(deadline, store.replace(replace)))
            };
            let current = match reply {
                Ok(WriteOutcome::Done(Some(version))) => {
                    let limited = is_limited.then(|| sent.sent.clone());
                    sent.confirm(version);
                    if let Some(data) = limited {
                        Box::pin(self.enforce_limit(&data, store, deadline)).await?;
                    }
                    return Ok(Some(Persisted::Done));
                }
                Ok(WriteOutcome::Done(None)) => {
                    sent.confirm_removed();
                    return Ok(Some(Persisted::Done));
                }
                Ok(WriteOutcome::Conflict(current)) => {
                    sent.not_applied();
                    current
                }
                Ok(WriteOutcome::Gone(marker)) => {
                    sent.not_applied();
                    return Box::pin(self.gone(&key, attempt, renew, marker, store, deadline)).await;
                }
                Err(error) => {
                    Box::pin(self.after_error(sent, error, store, deadline)).await?;
                    return Ok(Some(Persisted::Done));
                }
            };
            deadline.start();
            if turn.is_none() {
                turn = Box::pin(deadline.wait(context.write_locks.lock(&key))).await.ok();
            }
            if turn.is_none() {
                return Err(SessionError::Contended);
            }
            let current = match current {
                Some(current) => current,
                None => match Box::pin(deadline.run(store.fetch(&key))).await? {
                    Some(current) => current,
                    None => return Box::pin(self.gone(&key, attempt, renew, None, store, deadline)).await,
                },
            };
            (data, version) = attempt.replay(current)?;
            if renew && is_emptied(&data) && !attempt.is_effective() {
                // Another request has emptied the session: no data is left that a new id would protect.
                attempt.drop_changes(&Stored::new(data, version));
                return Ok(Some(Persisted::Done));
            }
            // Closures take time, too.
            if deadline.left().is_zero() {
                return Err(SessionError::Contended);
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one call, which the caller has at hand")]
    async fn rotate(
        &self,
        key: &str,
        new_id: &SessionId,
        session: &SessionMap,
        (ttl, user): (Duration, Option<Box<str>>),
        version: &Version,
        store: &dyn AtomicBackend,
        deadline: &mut Deadline,
    ) -> Result<WriteOutcome<Option<Version>>, BackendError> {
        let new_key = self.context.store_key(new_id);
        let old_user = self.session().bound_user().map(|user| self.context.user_key(&user.id));
        let rotate = Rotate::new(key, &new_key, session, ttl, version);
        let rotate = rotate.of_user(user.as_deref()).from_user(old_user.as_deref());
        written(deadline.run(store.rotate(rotate)).await)
    }

    /// Finds out why a session is gone, and what that means for the changes of the attempt. Returns `None` if a sign-in begins
    /// a new session instead.
    async fn gone(
        &self,
        key: &str,
        attempt: Attempt<'_>,
        renew: bool,
        marker: Option<Marker>,
        store: &dyn AtomicBackend,
        deadline: &mut Deadline,
    ) -> Result<Option<Persisted>, SessionError> {
        let marker = match marker {
            Some(marker) => Some(marker),
            None => deadline.run(store.marker(key)).await?,
        };
        if matches!(marker, Some(Marker::Renewed { .. })) && attempt.signs_in() && !attempt.takes() {
            return match attempt.begin_anew() {
                Ok(()) => Ok(None),
                Err(error) => {
                    self.session().lose();
                    Err(error)
                }
            };
        }
        let only_removes = attempt.only_removes() && !renew;
        let believes = attempt.takes() || renew;
        attempt.discard();
        self.session().lose();
        match marker {
            // No client may believe to be logged in, or to have redeemed a value.
            _ if believes => Err(SessionError::Gone),
            Some(Marker::Destroyed) => Ok(Some(Persisted::Destroyed)),
            None if only_removes => Ok(Some(Persisted::Done)),
            _ => Ok(Some(Persisted::Gone)),
        }
    }
}

fn written(reply: Result<WriteOutcome, BackendError>) -> Result<WriteOutcome<Option<Version>>, BackendError> {
    reply.map(|outcome| outcome.map(Some))
}

fn removed(reply: Result<WriteOutcome<()>, BackendError>) -> Result<WriteOutcome<Option<Version>>, BackendError> {
    reply.map(|outcome| outcome.map(|()| None))
}
