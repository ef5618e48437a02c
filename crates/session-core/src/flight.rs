//! Changes on their way into the store, which may be confirmed, refused, overtaken or cancelled.

use crate::SessionError;
use crate::backend::{Applied, AtomicBackend, BackendError, Marker, Remove, Stored, Version};
use crate::budget::Budget;
use crate::change::{ChangeLog, ReplayError};
use crate::handle::Shared;
use crate::meta::META_KEY;
use crate::state::{CookieDue, Doubt, Origin, State};
use crate::{SessionId, SessionMap};

/// The changes that were pending when it began. What is changed meanwhile is pending again.
///
/// Dropped before it has landed, by an error or because the request was cancelled, it puts its changes back, or leaves
/// them in doubt if the store may have carried them out.
pub(crate) struct Flight<'a> {
    shared: &'a Shared,
    log: ChangeLog,
    /// The data as the request saw it.
    pub(crate) local: SessionMap,
    attempted: SessionMap,
    /// Where it goes if that is not where it was.
    pub(crate) new_id: Option<SessionId>,
    /// The version that it replaces, if any.
    base: Option<Version>,
    /// An earlier write of changes that must not be made twice may still be carried out.
    suspect: bool,
    /// The data is not based on what others wrote.
    pub(crate) outdated: bool,
    /// An earlier write is in doubt still.
    pub(crate) unsettled: bool,
    /// How often the session had been destroyed when it began.
    destructions: u32,
    /// The store was asked and has not answered.
    unanswered: bool,
    landed: bool,
    /// It is taken up for a response that has failed; see [`Doubt::discarded`].
    discarded: bool,
}

/// How often changes are made again while other tasks of the request make more.
const REBASE_ATTEMPTS: usize = 16;

/// What the store answered.
pub(crate) enum Answer<T> {
    Reply(T),
    /// The reply was lost, but the store holds what was sent, at this version.
    Applied(Option<Version>),
}

/// What looking at the store says of a write whose reply was lost.
enum Verdict {
    /// Carried out; the version of what is there, none after a removal.
    Applied(Option<Version>),
    /// Not carried out until now.
    NotApplied,
    /// Somebody wrote since.
    Overtaken(Stored),
}

impl<'a> Flight<'a> {
    /// None if the session is not the one of this `id` any more, or not a new one: somebody destroyed it meanwhile.
    pub(crate) fn begin(shared: &'a Shared, id: Option<SessionId>) -> Option<Self> {
        let mut cell = shared.cell();
        let creating = matches!(cell.state, State::Anonymous { .. });
        if cell.id().copied() != id || creating != id.is_none() {
            return None;
        }
        cell.creating = creating;
        Some(Self {
            shared,
            log: std::mem::take(&mut cell.log),
            local: cell.map.clone(),
            attempted: SessionMap::new(),
            new_id: None,
            base: None,
            suspect: cell.suspect,
            outdated: cell.outdated,
            unsettled: cell.doubt.is_some(),
            destructions: cell.destructions,
            unanswered: false,
            landed: false,
            discarded: false,
        })
    }

    /// Whether a one-time value was given away: that others removed the session is then no reason to assume success.
    pub(crate) fn takes(&self) -> bool {
        self.log.takes()
    }

    /// Whether the changes may be made again without running a closure or giving something away.
    pub(crate) fn is_idempotent(&self) -> bool {
        self.log.is_idempotent()
    }

    /// The data goes to the store now, to take the place of nothing that has to be compared.
    pub(crate) fn attempt(&mut self, map: &SessionMap, new_id: Option<SessionId>) {
        self.attempted = map.clone();
        self.new_id = new_id;
        self.unanswered = true;
    }

    /// The same, to take the place of a version.
    pub(crate) fn attempt_on(&mut self, base: Version, map: &SessionMap, new_id: Option<SessionId>) -> &Version {
        self.attempt(map, new_id);
        self.base.insert(base)
    }

    /// Takes the store's answer. If it was lost, looks once whether the write was carried out.
    pub(crate) async fn answered<T>(
        &mut self,
        answer: Result<T, BackendError>,
        store: &dyn AtomicBackend,
        budget: &mut Budget,
    ) -> Result<Answer<T>, SessionError> {
        let error = match answer {
            Ok(reply) => {
                self.unanswered = false;
                return Ok(Answer::Reply(reply));
            }
            Err(error) => error,
        };
        if error.applied() == Applied::No {
            self.unanswered = false;
        } else if let Ok(Verdict::Applied(version)) = Box::pin(self.look(store, budget)).await {
            self.unanswered = false;
            return Ok(Answer::Applied(version));
        }
        Err(error.into())
    }

    /// Makes the changes again, on what somebody else has written meanwhile.
    ///
    /// Changes that can't be made are dropped.
    pub(crate) fn replay(&mut self, current: Stored) -> Result<SessionMap, SessionError> {
        if self.suspect && !self.log.is_idempotent() {
            // What is there may be the earlier write.
            self.drop_changes(current);
            return Err(SessionError::OutcomeUnknown);
        }
        let mut map = current.session.clone();
        match self.log.replay(&mut map, &self.local) {
            Ok(()) => Ok(map),
            Err(failure) => {
                self.drop_changes(current);
                Err(match failure {
                    ReplayError::Taken(key) => SessionError::Taken { key },
                    ReplayError::Value(error) => error.into(),
                })
            }
        }
    }

    /// The store holds what was attempted, under `id` at this version.
    pub(crate) fn land(mut self, id: SessionId, version: Version) {
        self.landed = true;
        {
            let mut cell = self.shared.cell();
            cell.creating = false;
            // Whatever was written at the version before this one comes too late now.
            cell.suspect = false;
            let mut refresh_due = cell.origin().is_some_and(|origin| origin.refresh_due);
            let issue = self.new_id.is_some() || cell.reissue || refresh_due;
            if issue && !cell.headers_sent && cell.destructions == self.destructions {
                refresh_due = false;
                cell.reissue = false;
                cell.cookie = CookieDue::Issue;
            }
            cell.confirm(Origin { stored: Some((id, version)), refresh_due }, self.new_id.is_some());
        }
        self.shared.rebase(&self.attempted, self.destructions);
    }

    /// The store holds the session no more, as was attempted.
    pub(crate) fn land_removed(mut self) {
        self.landed = true;
        self.shared.cell().confirm_removed();
        self.shared.rebase(&SessionMap::new(), self.destructions);
    }

    /// The changes can't be kept: the session is gone.
    pub(crate) fn abandon(mut self) {
        self.landed = true;
        self.shared.cell().creating = false;
    }

    /// Takes up a write that was left in doubt, and settles it.
    pub(crate) async fn settle(
        shared: &'a Shared,
        doubt: Doubt,
        store: &dyn AtomicBackend,
        budget: &mut Budget,
    ) -> Result<(), SessionError> {
        let mut flight = Self {
            shared,
            log: doubt.log,
            local: SessionMap::new(),
            attempted: doubt.attempted,
            new_id: doubt.new_id,
            base: doubt.base,
            suspect: false,
            outdated: false,
            unsettled: false,
            destructions: doubt.destructions,
            unanswered: true,
            landed: false,
            discarded: doubt.discarded,
        };
        match flight.look(store, budget).await? {
            Verdict::Applied(Some(version)) => {
                if let Some(id) = flight.id() {
                    flight.land(id, version);
                }
            }
            Verdict::Applied(None) => flight.land_removed(),
            Verdict::Overtaken(current) if !flight.log.is_idempotent() => {
                flight.drop_changes(current);
                return Err(SessionError::OutcomeUnknown);
            }
            // Dropping the flight puts its changes back.
            Verdict::NotApplied | Verdict::Overtaken(_) => {
                flight.unanswered = false;
                let mut cell = shared.cell();
                cell.suspect |= !flight.log.is_idempotent();
                if let State::Renewed(origin) = &cell.state
                    && flight.discarded
                {
                    cell.state = State::Loaded(origin.clone());
                }
            }
        }
        Ok(())
    }

    /// What the store holds of the attempt.
    ///
    /// `&mut`, since a change log may go to another thread but not be shared with one.
    async fn look(&mut self, store: &dyn AtomicBackend, budget: &mut Budget) -> Result<Verdict, BackendError> {
        let core = self.shared.core();
        let place = self.shared.cell().id().copied();
        if let Some(id) = place {
            // Others may have made the same of it: then an increment or a take was made by one of them only.
            let telling = self.new_id.is_none() && self.log.is_idempotent();
            match budget.run(store.fetch(&core.store_key(&id))).await? {
                Some(stored) if self.base.as_ref() == Some(&stored.version) => return Ok(Verdict::NotApplied),
                Some(stored) if telling && stored.session.to_json() == self.attempted.to_json() => {
                    return Ok(Verdict::Applied(Some(stored.version)));
                }
                Some(stored) => return Ok(Verdict::Overtaken(stored)),
                None if telling && self.attempted.is_empty_but_for(META_KEY) => return Ok(Verdict::Applied(None)),
                None => {}
            }
        }
        // Nobody else knows a new id: what is there is what was attempted.
        let Some(id) = self.new_id else { return Ok(Verdict::NotApplied) };
        let new_key = core.store_key(&id);
        let Some(stored) = budget.run(store.fetch(&new_key)).await? else { return Ok(Verdict::NotApplied) };
        if let Some(id) = place {
            let elsewhere = match budget.run(store.marker(&core.store_key(&id))).await? {
                Some(Marker::Destroyed) => true,
                Some(Marker::Renewed { successor }) => *successor != *new_key,
                None => false,
            };
            if elsewhere {
                // A logout or another renewal came in between the steps of this one, and is final.
                budget.run(store.remove(Remove::new(&new_key))).await?;
                return Ok(Verdict::NotApplied);
            }
        }
        Ok(Verdict::Applied(Some(stored.version)))
    }

    fn id(&self) -> Option<SessionId> {
        self.new_id.or_else(|| self.shared.cell().id().copied())
    }

    /// The session goes on as the store has it, without the changes.
    fn drop_changes(&mut self, current: Stored) {
        self.landed = true;
        {
            let mut cell = self.shared.cell();
            cell.creating = false;
            cell.suspect = false;
            if let Some(mut origin) = cell.origin().cloned() {
                origin.stored = origin.stored.map(|(id, _)| (id, current.version));
                cell.confirm(origin, false);
            }
        }
        self.shared.rebase(&current.session, self.destructions);
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        if self.landed {
            return;
        }
        let mut cell = self.shared.cell();
        cell.creating = false;
        let mut log = std::mem::take(&mut self.log);
        let destroyed = cell.destructions != self.destructions;
        if destroyed {
            log = ChangeLog::default();
        }
        // Of a session that was destroyed meanwhile, all that matters is whether it was created at all.
        if self.unanswered && (!destroyed || self.base.is_none()) {
            let attempted = std::mem::take(&mut self.attempted);
            let (new_id, base, destructions, discarded) =
                (self.new_id, self.base.take(), self.destructions, self.discarded);
            cell.doubt = Some(Box::new(Doubt { log, attempted, new_id, base, destructions, discarded }));
        } else {
            log.append(std::mem::take(&mut cell.log));
            cell.log = log;
        }
    }
}

impl Shared {
    /// Bases the request's view on what the store holds now; changes that are still pending stay on top.
    ///
    /// Not if the session was destroyed meanwhile.
    fn rebase(&self, stored: &SessionMap, destructions: u32) {
        for _ in 0..REBASE_ATTEMPTS {
            let (mut pending, local) = {
                let mut cell = self.cell();
                if cell.rebase(stored, destructions) {
                    return;
                }
                (std::mem::take(&mut cell.log), cell.map.clone())
            };
            // Replaying runs the user's closures: not under the lock.
            let mut map = stored.clone();
            let replayed = pending.replay(&mut map, &local);
            let mut cell = self.cell();
            if cell.destructions != destructions {
                return;
            }
            let undisturbed = cell.log.is_empty();
            pending.append(std::mem::take(&mut cell.log));
            cell.log = pending;
            // A change that can't be made again says so when it is persisted.
            cell.outdated = replayed.is_err();
            if replayed.is_err() {
                return;
            }
            if undisturbed {
                cell.map = map;
                return;
            }
        }
        self.cell().outdated = true;
    }
}
