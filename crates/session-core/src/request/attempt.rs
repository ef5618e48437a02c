//! One attempt to persist the pending changes. It makes no store calls itself.

use crate::backend::{Stored, Version, WriteOutcome};
use crate::error::SessionError;
use crate::log::events::Event;
use crate::map::SessionMap;
use crate::meta::is_emptied;
use crate::request::context::StoreKey;
use crate::request::phase::{Before, Phase};
use crate::request::shared::SharedSession;
use crate::request::transfer::{Sent, Taken, UnconfirmedWrite};

/// Changes taken from the log, to be written. Dropping it puts them back.
pub(crate) struct Attempt<'a> {
    pub(crate) shared: &'a SharedSession,
    pub(crate) taken: Taken,
}

/// An attempt that was sent to the store. Dropping it records an unconfirmed write, because the store may have applied
/// it.
pub(crate) struct SentAttempt<'s, 'a> {
    /// `None` once the outcome is known.
    attempt: Option<&'s mut Attempt<'a>>,
    pub(crate) sent: Sent,
}

/// The largest number of replays while other tasks of the request keep changing the session.
const MAX_REPLAYS: usize = 16;

impl<'a> Attempt<'a> {
    /// Begins an attempt to store a new session; `None` if the session is no longer new. The last value is `true` if
    /// the request is a login.
    pub(crate) fn begin_new(shared: &'a SharedSession) -> Option<(Self, Before, bool)> {
        let mut session = shared.session();
        let Phase::New { before, renew } = *session.phase() else { return None };
        Some((Self { shared, taken: session.take_changes() }, before, renew))
    }

    /// Begins an attempt to write a stored session; `None` if the session is no longer a stored one.
    pub(crate) fn begin_stored(shared: &'a SharedSession) -> Option<(Self, StoreKey, Option<Version>)> {
        let mut session = shared.session();
        let Phase::Stored { id, version, .. } = session.phase() else { return None };
        let (key, version) = (shared.context.store_key(id), version.clone());
        Some((Self { shared, taken: session.take_changes() }, key, version))
    }

    /// Records that the store is about to be asked for this write.
    pub(crate) fn send<'s>(&'s mut self, sent: Sent) -> SentAttempt<'s, 'a> {
        SentAttempt { attempt: Some(self), sent }
    }

    /// Replays the changes on the current value of the store.
    ///
    /// # Errors
    ///
    /// If a change can't be replayed. All changes are dropped then, and the request goes on with the current value.
    pub(crate) fn replay(&mut self, current: Stored) -> Result<(SessionMap, Version), SessionError> {
        self.check_repeatable(&current)?;
        let mut data = current.session.clone();
        if let Err(error) = self.taken.changes.replay(&mut data, &self.taken.data) {
            self.drop_changes(&current);
            return Err(error.into());
        }
        self.taken.on_empty = is_emptied(&current.session);
        Ok((data, current.version))
    }

    /// Checks that the changes may be made on the current value, which may already contain them.
    ///
    /// # Errors
    ///
    /// [`SessionError::OutcomeUnknown`] if an earlier write may have made them, and making them twice differs from making
    /// them once. All changes are dropped then, and the request goes on with the current value.
    pub(crate) fn check_repeatable(&mut self, current: &Stored) -> Result<(), SessionError> {
        if self.taken.earlier_may_land && !self.taken.changes.is_idempotent() {
            self.drop_changes(current);
            return Err(SessionError::OutcomeUnknown);
        }
        Ok(())
    }

    /// Drops the changes, because they can't be kept. The request goes on with the current value of the store.
    pub(crate) fn drop_changes(&mut self, current: &Stored) {
        self.taken.changes.clear();
        self.shared.session().take_version(current);
        self.shared.rebase(&current.session, self.taken.generation);
    }

    /// Begins a new session with the changes alone, because another request has renewed the session.
    ///
    /// # Errors
    ///
    /// If a change can't be replayed on an empty session.
    pub(crate) fn begin_anew(mut self) -> Result<(), SessionError> {
        self.taken.changes.replay(&mut SessionMap::new(), &self.taken.data)?;
        let (shared, generation) = (self.shared, self.taken.generation);
        drop(self);
        shared.session().begin_anew(generation);
        shared.rebase(&SessionMap::new(), generation);
        Ok(())
    }

    /// Drops the changes, because the session is gone.
    pub(crate) fn discard(mut self) {
        self.taken.changes.clear();
        self.shared.session().lose();
    }

    /// Records that the store holds the sent data at this version.
    fn confirm(&mut self, sent: &Sent, version: Version) {
        let (shared, generation) = (self.shared, self.taken.generation);
        let signs_in = shared.context.reports_events() && self.taken.changes.signs_in();
        self.taken.changes.clear();
        let is_done = {
            let mut session = shared.session();
            session.confirm(sent, version, &self.taken);
            session.rebase(&sent.data, generation)
        };
        if !is_done {
            shared.rebase(&sent.data, generation);
        }
        if let Some(new_id) = &sent.new_id {
            let event = if sent.replaces.is_some() { Event::Renewed } else { Event::Created };
            shared.context.log(event, Some(new_id));
            shared.context.notify_of(event.kind(signs_in), &sent.data);
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.taken.changes.is_empty() {
            self.shared.session().put_back(std::mem::take(&mut self.taken.changes), self.taken.generation);
        }
    }
}

impl SentAttempt<'_, '_> {
    /// Records the outcome of the write: the new version, or `None` if the session was removed.
    #[inline]
    pub(crate) fn settle(self, outcome: WriteOutcome<Option<Version>>) -> WriteOutcome<()> {
        match outcome {
            WriteOutcome::Done(version) => {
                match version {
                    Some(version) => self.confirm(version),
                    None => self.confirm_removed(),
                }
                WriteOutcome::Done(())
            }
            WriteOutcome::Conflict(current) => {
                self.not_applied();
                WriteOutcome::Conflict(current)
            }
            WriteOutcome::Gone(marker) => {
                self.not_applied();
                WriteOutcome::Gone(marker)
            }
        }
    }

    /// Records that the store holds the sent data at this version.
    #[inline]
    pub(crate) fn confirm(mut self, version: Version) {
        if let Some(attempt) = self.attempt.take() {
            attempt.confirm(&self.sent, version);
        }
    }

    /// Records that the store has removed the session, because it was emptied and renewed.
    pub(crate) fn confirm_removed(mut self) {
        let Some(attempt) = self.attempt.take() else { return };
        attempt.taken.changes.clear();
        attempt.shared.session().confirm_removed();
    }

    /// Records that the store did not apply the write.
    pub(crate) fn not_applied(mut self) {
        self.attempt = None;
    }

    /// Returns `true` if data in the store that equals the sent data proves that this write was applied.
    ///
    /// Two requests may produce equal data. An update or a take by one of them would then count for both.
    pub(crate) fn is_told_by_its_data(&self) -> bool {
        self.sent.new_id.is_none() && self.attempt.as_ref().is_none_or(|attempt| attempt.taken.changes.is_idempotent())
    }
}

impl Drop for SentAttempt<'_, '_> {
    fn drop(&mut self) {
        let Some(attempt) = self.attempt.take() else { return };
        let taken = attempt.taken.take();
        attempt.shared.session().record_unconfirmed(UnconfirmedWrite { taken, sent: self.sent.clone() });
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
            // Not under the lock, because a replay runs the application's closures.
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
