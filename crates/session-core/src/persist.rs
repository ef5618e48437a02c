//! Brings the changes of a session into the store: compare, set, and replay what others overtook.
//!
//! What is rare is boxed: the future of all this lives in a box, which is to stay small.

use crate::backend::{
    Applied, AtomicBackend, BackendError, BackendErrorKind, Create, Marker, Remove, Replace, Rotate, Version,
    WriteOutcome,
};
use crate::budget::Budget;
use crate::change::ChangeLog;
use crate::commit::{Action, decide};
use crate::flight::{Answer, Flight};
use crate::handle::Shared;
use crate::manager::{Core, StoreKey};
use crate::meta::{META_KEY, Meta};
use crate::state::{CookieDue, State, Victim};
use crate::{SessionError, SessionId, SessionMap};

/// What became of the changes.
pub(crate) enum Persisted {
    /// The store has them.
    Done,
    /// The session was destroyed meanwhile, and they with it.
    Destroyed,
    /// The session was renewed meanwhile or has vanished: they could not be kept.
    Gone,
}

/// How many renewals of one session within a minute a destruction follows before it fails.
const LONGEST_CHAIN: usize = 64;

/// How many random ids may be in use before the store can't be believed.
const MOST_IDS: usize = 3;

impl Shared {
    /// Persists what has changed until now; what changes meanwhile stays pending. The caller holds `flight`, and has
    /// decided on the action.
    ///
    /// Borrows the action, and changes it on the way: a copy of its own would make the future larger.
    pub(crate) async fn persist(&self, action: &mut Action, budget: &mut Budget) -> Result<Persisted, SessionError> {
        let Some(store) = self.core().store() else { return Ok(Persisted::Done) };
        let doubt = self.cell().doubt.take();
        if let Some(doubt) = doubt {
            Box::pin(Flight::settle(self, *doubt, store, budget)).await?;
            *action = decide(self.core(), &self.cell());
        }
        loop {
            if let Action::Destroy(victim) = *action {
                self.destroy(store, victim, budget).await?;
                *action = decide(self.core(), &self.cell());
            }
            if matches!(action, Action::Create { .. } | Action::Write { renew: true, .. }) && self.cell().headers_sent {
                return Err(SessionError::HeadersSent);
            }
            let persisted = match action {
                Action::Create { absent } => {
                    if let Some(id) = absent
                        && let Some(Marker::Renewed { .. }) =
                            budget.run(store.marker(&self.core().store_key(id))).await?
                    {
                        return Ok(self.lost(*id, None));
                    }
                    self.create(store, budget).await?
                }
                Action::Write { id, version, renew } => self.write(store, id, version, *renew, budget).await?,
                _ => Some(Persisted::Done),
            };
            if let Some(persisted) = persisted {
                return Ok(persisted);
            }
            // Somebody destroyed the session since the decision.
            *action = decide(self.core(), &self.cell());
        }
    }

    async fn destroy(
        &self,
        store: &dyn AtomicBackend,
        victim: Victim,
        budget: &mut Budget,
    ) -> Result<(), SessionError> {
        let id = match victim {
            Victim::Known(id) => id,
            Victim::Absent(id) => Some(id),
            Victim::Unread => self.claimed_id(),
            Victim::Unborn => None,
        };
        let Some(id) = id else {
            self.cell().state = State::Anonymous { absent: None };
            return Ok(());
        };
        let mut key = self.core().store_key(&id);
        for _ in 0..LONGEST_CHAIN {
            match budget.run(store.remove(Remove::new(&key))).await? {
                WriteOutcome::Done(()) => {
                    let mut cell = self.cell();
                    // The client has a cookie of it, though the load found none or nobody has loaded.
                    cell.client_has_session |= matches!(victim, Victim::Unread | Victim::Absent(_));
                    cell.confirm_removed();
                    return Ok(());
                }
                // Logging out is meant for the person: the session lives on under this key.
                WriteOutcome::Gone(Some(Marker::Renewed { successor })) => key = StoreKey::Long(successor),
                // It was gone already: whoever removed it has told the client, and a login may have followed.
                WriteOutcome::Gone(_) | WriteOutcome::Conflict(_) => {
                    self.cell().state = State::Anonymous { absent: None };
                    return Ok(());
                }
            }
        }
        Err(SessionError::Contended)
    }

    async fn create(&self, store: &dyn AtomicBackend, budget: &mut Budget) -> Result<Option<Persisted>, SessionError> {
        let core = self.core();
        let Some(mut flight) = Flight::begin(self, None) else { return Ok(None) };
        let mut map = flight.local.clone();
        core.stamp(&mut map, true)?;
        core.check_size(&map)?;
        let expiry = core.store_expiry(&map);
        for _ in 0..MOST_IDS {
            let id = SessionId::random().ok_or(SessionError::NoRandomNumbers)?;
            flight.attempt(&map, Some(id));
            let answer = budget.run(store.create(Create::new(&core.store_key(&id), &map, expiry))).await;
            match flight.answered(answer, store, budget).await? {
                Answer::Reply(WriteOutcome::Done(version)) | Answer::Applied(Some(version)) => {
                    flight.land(id, version);
                    return Ok(Some(Persisted::Done));
                }
                Answer::Reply(_) | Answer::Applied(None) => {}
            }
        }
        Err(BackendError::new(BackendErrorKind::Other, Applied::No).into())
    }

    async fn write(
        &self,
        store: &dyn AtomicBackend,
        id: &SessionId,
        version: &Version,
        renew: bool,
        budget: &mut Budget,
    ) -> Result<Option<Persisted>, SessionError> {
        let core = self.core();
        let key = core.store_key(id);
        let Some(mut flight) = Flight::begin(self, Some(*id)) else { return Ok(None) };
        let (mut map, mut base) = (flight.local.clone(), version.clone());
        if flight.outdated {
            let Some(current) = budget.run(store.fetch(&key)).await? else {
                return Box::pin(self.gone(store, *id, flight, budget)).await.map(Some);
            };
            base = current.version.clone();
            map = flight.replay(current)?;
        }
        let mut turn = None;
        loop {
            core.stamp(&mut map, renew)?;
            core.check_size(&map)?;
            // Under its new id, in place, or, once it is empty, not at all.
            let emptied = map.is_empty_but_for(META_KEY);
            let new_id =
                if renew && !emptied { Some(SessionId::random().ok_or(SessionError::NoRandomNumbers)?) } else { None };
            let version = flight.attempt_on(base, &map, new_id);
            let exp = core.store_expiry(&map);
            let answer = if emptied {
                budget.run(store.remove(Remove::new(&key).at(version))).await.map(Written::from)
            } else if let Some(new_id) = new_id {
                let (key, map, budget) = (&*key, &map, &mut *budget);
                let renewal = async move {
                    let new = core.store_key(&new_id);
                    budget.run(store.rotate(Rotate::new(key, &new, map, exp, version))).await.map(Written::from)
                };
                Box::pin(renewal).await
            } else {
                budget.run(store.replace(Replace::new(&key, &map, exp, version))).await.map(Written::from)
            };
            // Nothing of the answer but this outlives the next waits: the future stays small.
            let current = match flight.answered(answer, store, budget).await? {
                Answer::Reply(Written::Stored(version)) | Answer::Applied(Some(version)) => {
                    let id = flight.new_id.unwrap_or(*id);
                    flight.land(id, version);
                    return Ok(Some(Persisted::Done));
                }
                Answer::Reply(Written::Removed) | Answer::Applied(None) => {
                    flight.land_removed();
                    return Ok(Some(Persisted::Done));
                }
                Answer::Reply(Written::Gone) => None,
                Answer::Reply(Written::Conflict(current)) => Some(current),
            };
            let Some(current) = current else {
                return Box::pin(self.gone(store, *id, flight, budget)).await.map(Some);
            };
            budget.start();
            if turn.is_none() {
                turn = Box::pin(budget.wait(core.write_locks.lock(&key))).await.ok();
            }
            if turn.is_none() {
                return Err(SessionError::Contended);
            }
            base = current.version.clone();
            map = flight.replay(current)?;
            // Closures take time, too.
            if budget.left().is_zero() {
                return Err(SessionError::Contended);
            }
        }
    }

    /// Finds out what became of a session that is gone.
    async fn gone(
        &self,
        store: &dyn AtomicBackend,
        id: SessionId,
        flight: Flight<'_>,
        budget: &mut Budget,
    ) -> Result<Persisted, SessionError> {
        let marker = budget.run(store.marker(&self.core().store_key(&id))).await?;
        let takes = flight.takes();
        flight.abandon();
        let lost = self.lost(id, marker.as_ref());
        if takes { Err(SessionError::Gone) } else { Ok(lost) }
    }

    /// The session is gone, and nothing of it may reach the client any more.
    fn lost(&self, id: SessionId, marker: Option<&Marker>) -> Persisted {
        let mut cell = self.cell();
        // Unless it was destroyed here meanwhile, which stands.
        if matches!(cell.state, State::Loaded(_) | State::Renewed(_) | State::Anonymous { .. }) {
            cell.log = ChangeLog::default();
            cell.state = State::Gone { id };
            cell.cookie = CookieDue::Nothing;
        }
        match marker {
            Some(Marker::Destroyed) => Persisted::Destroyed,
            _ => Persisted::Gone,
        }
    }
}

/// The answer to a write, whichever way it went.
enum Written {
    Stored(Version),
    Removed,
    Conflict(crate::backend::Stored),
    Gone,
}

impl From<WriteOutcome> for Written {
    fn from(outcome: WriteOutcome) -> Self {
        match outcome {
            WriteOutcome::Done(version) => Self::Stored(version),
            WriteOutcome::Conflict(Some(current)) => Self::Conflict(current),
            WriteOutcome::Conflict(None) | WriteOutcome::Gone(_) => Self::Gone,
        }
    }
}

impl From<WriteOutcome<()>> for Written {
    fn from(outcome: WriteOutcome<()>) -> Self {
        match outcome {
            WriteOutcome::Done(()) => Self::Removed,
            WriteOutcome::Conflict(Some(current)) => Self::Conflict(current),
            WriteOutcome::Conflict(None) | WriteOutcome::Gone(_) => Self::Gone,
        }
    }
}

impl Core {
    /// Notes when the session was created, if that matters.
    pub(crate) fn stamp(&self, map: &mut SessionMap, anew: bool) -> Result<(), SessionError> {
        if self.config.lifetimes.absolute.is_none() || map.is_empty_but_for(META_KEY) {
            return Ok(());
        }
        let mut meta = Meta::of(map);
        if anew || meta.created.is_none() {
            meta.created = Some(self.now());
            meta.write(map)?;
        }
        Ok(())
    }

    pub(crate) fn check_size(&self, map: &SessionMap) -> Result<(), SessionError> {
        let (bytes, limit) = (map.json_len(), self.config.max_session_bytes);
        if bytes > limit { Err(SessionError::TooLarge { bytes, limit }) } else { Ok(()) }
    }
}
