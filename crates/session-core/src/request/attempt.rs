//! One attempt to persist the pending changes. Asks the store for nothing itself.

use crate::backend::{Stored, Version};
use crate::changes::{ChangeLog, ReplayError};
use crate::error::SessionError;
use crate::id::SessionId;
use crate::log::events::{self, Event};
use crate::map::SessionMap;
use crate::meta::is_emptied;
use crate::request::context::StoreKey;
use crate::request::phase::Before;
use crate::request::shared::SharedSession;
use crate::request::transfer::{Confirmed, Taken, UnconfirmedWrite};

/// Changes taken from the log, to be written. Dropping it puts them back.
pub(crate) struct Attempt<'a> {
    shared: &'a SharedSession,
    /// `None` once the attempt is over.
    changes: Option<ChangeLog>,
    /// The data as the request saw it when the changes were taken.
    pub(crate) data: SessionMap,
    /// The stored session is an emptied one.
    on_empty: bool,
    earlier_may_land: bool,
    /// The write extends the session's life, and the client gets a new cookie.
    pub(crate) refreshes: bool,
    generation: u32,
    discarded: bool,
}

/// An attempt of which the store was asked. Dropping it records an unconfirmed write, because the store may have applied it.
pub(crate) struct SentAttempt<'s, 'a> {
    /// `None` once the outcome is known.
    attempt: Option<&'s mut Attempt<'a>>,
    pub(crate) sent: SessionMap,
    pub(crate) new_id: Option<SessionId>,
    pub(crate) replaces: Option<Version>,
}

/// The number of replays while other tasks of the request make more changes.
const MAX_REPLAYS: usize = 16;

impl<'a> Attempt<'a> {
    /// Begins an attempt to store a new session; `None` if it is no longer a new one. Tells if the request is a login.
    pub(crate) fn begin_new(shared: &'a SharedSession) -> Option<(Self, Before, bool)> {
        let (before, login, taken) = shared.session().take_new()?;
        Some((Self::of(shared, taken), before, login))
    }

    /// Begins an attempt to write a stored session; `None` if it is no longer a stored one.
    #[inline]
    pub(crate) fn begin_stored(shared: &'a SharedSession) -> Option<(Self, StoreKey, Option<Version>)> {
        let mut session = shared.session();
        let key = shared.context.store_key(session.id()?);
        let (version, taken) = session.take_stored()?;
        Some((Self::of(shared, taken), key, version))
    }

    fn of(shared: &'a SharedSession, taken: Taken) -> Self {
        let Taken { changes, data, on_empty, earlier_may_land, refreshes, generation } = taken;
        let changes = Some(changes);
        Self { shared, changes, data, on_empty, earlier_may_land, refreshes, generation, discarded: false }
    }

    /// Takes up an unconfirmed write again.
    pub(crate) fn resume(shared: &'a SharedSession, write: &mut UnconfirmedWrite) -> Self {
        Self {
            shared,
            changes: Some(std::mem::take(&mut write.changes)),
            data: SessionMap::new(),
            on_empty: false,
            earlier_may_land: false,
            refreshes: false,
            generation: write.generation,
            discarded: write.discarded,
        }
    }

    /// Returns `true` if a one-time value was given away.
    pub(crate) fn takes(&self) -> bool {
        self.changes.as_ref().is_some_and(ChangeLog::takes)
    }

    /// Returns `true` if a user signs in.
    pub(crate) fn signs_in(&self) -> bool {
        self.changes.as_ref().is_some_and(ChangeLog::signs_in)
    }

    /// Returns `true` if the attempt removes data and adds none.
    pub(crate) fn only_removes(&self) -> bool {
        self.changes.as_ref().is_some_and(|changes| changes.is_effective() && changes.only_removes())
    }

    /// Returns `true` if the changes altered the request's data.
    pub(crate) fn is_effective(&self) -> bool {
        self.changes.as_ref().is_some_and(ChangeLog::is_effective)
    }

    /// Returns `true` if making the changes twice equals making them once.
    pub(crate) fn is_idempotent(&self) -> bool {
        self.changes.as_ref().is_none_or(ChangeLog::is_idempotent)
    }

    /// Records that `sent` is about to be sent: under a new id if there is one, in place of a version if there is one.
    pub(crate) fn send<'s>(
        &'s mut self,
        sent: SessionMap,
        new_id: Option<SessionId>,
        replaces: Option<Version>,
    ) -> SentAttempt<'s, 'a> {
        SentAttempt { attempt: Some(self), sent, new_id, replaces }
    }

    /// Replays the changes on the current value of the store.
    ///
    /// # Errors
    ///
    /// If a change can't be replayed. All changes are dropped then, and the request goes on with the current value.
    pub(crate) fn replay(&mut self, current: Stored) -> Result<(SessionMap, Version), SessionError> {
        self.check_repeatable(&current)?;
        let Some(changes) = &mut self.changes else { return Ok((current.session, current.version)) };
        let mut data = current.session.clone();
        match changes.replay(&mut data, &self.data) {
            Ok(()) => {
                self.on_empty = is_emptied(&current.session);
                Ok((data, current.version))
            }
            Err(error) => {
                self.drop_changes(&current);
                Err(error.into())
            }
        }
    }

    /// Checks that the changes may be made on the current value, which may be the outcome of an earlier write of them.
    ///
    /// # Errors
    ///
    /// [`SessionError::OutcomeUnknown`] if an earlier write may have made them, and making them twice differs from making
    /// them once. All changes are dropped then, and the request goes on with the current value.
    pub(crate) fn check_repeatable(&mut self, current: &Stored) -> Result<(), SessionError> {
        if self.earlier_may_land && !self.is_idempotent() {
            self.drop_changes(current);
            return Err(SessionError::OutcomeUnknown);
        }
        Ok(())
    }

    /// Drops the changes, because they can't be kept. The request goes on with the current value of the store.
    pub(crate) fn drop_changes(&mut self, current: &Stored) {
        self.changes = None;
        self.shared.session().take_version(current);
        self.shared.rebase(&current.session, self.generation);
    }

    /// Begins a new session with the changes alone, because another request has renewed the session.
    ///
    /// # Errors
    ///
    /// If a change can't be replayed on an empty session.
    pub(crate) fn begin_anew(mut self) -> Result<(), SessionError> {
        let Some(mut changes) = self.changes.take() else { return Ok(()) };
        changes.replay(&mut SessionMap::new(), &self.data)?;
        self.changes = Some(changes);
        let (shared, generation) = (self.shared, self.generation);
        drop(self);
        shared.session().begin_anew(generation);
        shared.rebase(&SessionMap::new(), generation);
        Ok(())
    }

    /// Drops the changes, because the session is gone.
    pub(crate) fn discard(mut self) {
        self.changes = None;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if let Some(changes) = self.changes.take() {
            self.shared.session().put_back(changes, self.generation);
        }
    }
}

impl SentAttempt<'_, '_> {
    /// Records that the store holds the sent data at this version.
    #[inline]
    pub(crate) fn confirm(mut self, version: Version) {
        let Some(attempt) = self.attempt.take() else { return };
        let signs_in = attempt.shared.context.reports_events() && attempt.signs_in();
        attempt.changes = None;
        let (shared, generation, replaced_empty) = (attempt.shared, attempt.generation, attempt.on_empty);
        let write = Confirmed { new_id: self.new_id, version, sent: &self.sent, replaced_empty };
        let is_done = {
            let mut session = shared.session();
            session.confirm(write, generation);
            session.rebase(&self.sent, generation)
        };
        if !is_done {
            shared.rebase(&self.sent, generation);
        }
        if let Some(new_id) = &self.new_id {
            let event = if self.replaces.is_some() { Event::Renewed } else { Event::Created };
            events::log(event, Some(new_id));
            shared.context.notify_of(event.kind(signs_in), &self.sent);
        }
    }

    /// Records that the store has removed the session, because it was emptied and renewed.
    pub(crate) fn confirm_removed(mut self) {
        let Some(attempt) = self.attempt.take() else { return };
        attempt.changes = None;
        attempt.shared.session().confirm_removed();
    }

    /// Records that the store did not apply the write.
    pub(crate) fn not_applied(mut self) {
        self.attempt = None;
    }

    /// Returns `true` if data in the store that equals the sent data tells that this write was applied.
    ///
    /// Two requests may make equal data, so that an update or a take of one of them would count for both.
    pub(crate) fn is_told_by_its_data(&self) -> bool {
        self.new_id.is_none() && self.attempt.as_ref().is_none_or(|attempt| attempt.is_idempotent())
    }

    /// Returns `true` if the response has failed since, so that a renewal is not repeated.
    pub(crate) fn is_discarded(&self) -> bool {
        self.attempt.as_ref().is_some_and(|attempt| attempt.discarded)
    }
}

impl Drop for SentAttempt<'_, '_> {
    fn drop(&mut self) {
        let Some(attempt) = self.attempt.take() else { return };
        let Some(changes) = attempt.changes.take() else { return };
        attempt.shared.session().record_unconfirmed(UnconfirmedWrite {
            changes,
            sent: std::mem::take(&mut self.sent),
            new_id: self.new_id,
            replaces: self.replaces.take(),
            generation: attempt.generation,
            discarded: attempt.discarded,
        });
    }
}

impl SharedSession {
    /// Bases the request's data on the stored data. Pending changes stay on top, unless the session was destroyed since.
    pub(crate) fn rebase(&self, stored: &SessionMap, generation: u32) {
        for _ in 0..MAX_REPLAYS {
            let (mut changes, local) = {
                let mut session = self.session();
                if session.rebase(stored, generation) {
                    return;
                }
                session.changes_to_replay()
            };
            // Replaying runs the application's closures: not under the lock.
            let mut data = stored.clone();
            let data = changes.replay(&mut data, &local).is_ok().then_some(data);
            let failed = data.is_none();
            if self.session().replayed(changes, data, generation) || failed {
                return;
            }
        }
        self.session().forget_version();
    }
}

impl From<ReplayError> for SessionError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Taken(key) => Self::Taken { key },
            ReplayError::Refused(key) => Self::Refused { key },
            ReplayError::Value(error) => Self::Value(error),
        }
    }
}
