//! The state of a request's session, and its transitions.
//!
//! No other module assigns these fields.

use std::time::Duration;

use crate::backend::{Stored, Version};
use crate::error::SessionError;
use crate::id::SessionId;
use crate::map::SessionMap;
use crate::request::absence::Absence;
use crate::request::changes::{Change, ChangeLog};
use crate::request::head::{ConfirmedBy, CookieChange, ResponseHead};
use crate::request::meta::META_KEY;
use crate::request::phase::{Before, Phase, RefreshDue};
use crate::request::transfer::{Confirmed, Taken, UnconfirmedWrite};

/// One request's session, as all its handles share it.
pub(crate) struct RequestSession {
    phase: Phase,
    /// The data as the request sees it, with its pending changes.
    data: SessionMap,
    /// The pending changes.
    changes: ChangeLog,
    unconfirmed: Unconfirmed,
    head: ResponseHead,
    /// A session stood behind the request's cookie.
    client_has_session: bool,
    /// The reason why the store has no session under the cookie's id.
    absence: Option<Absence>,
    /// Incremented by `destroy`. Results of writes from an earlier generation are ignored.
    generation: u32,
    /// The rest of the request's deadline.
    time_left: Duration,
}

#[derive(Default)]
struct Unconfirmed {
    last: Option<Box<UnconfirmedWrite>>,
    /// A write that is not idempotent had not been applied when last checked, but may be still.
    earlier_may_land: bool,
}

impl RequestSession {
    pub(crate) fn new(time_left: Duration, head_sent: bool) -> Self {
        Self {
            phase: Phase::NotLoaded,
            data: SessionMap::new(),
            changes: ChangeLog::default(),
            unconfirmed: Unconfirmed::default(),
            head: ResponseHead::new(head_sent),
            client_has_session: false,
            absence: None,
            generation: 0,
            time_left,
        }
    }

    pub(crate) fn phase(&self) -> &Phase {
        &self.phase
    }

    pub(crate) fn data(&self) -> &SessionMap {
        &self.data
    }

    pub(crate) fn time_left(&self) -> Duration {
        self.time_left
    }

    pub(crate) fn client_has_session(&self) -> bool {
        self.client_has_session
    }

    pub(crate) fn absence(&self) -> Option<Absence> {
        self.absence
    }

    /// Records what a marker has told of a session that the store does not have.
    pub(crate) fn note_absence(&mut self, absence: Absence) {
        self.absence = Some(absence);
    }

    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// Returns the id that the store knows the session by.
    pub(crate) fn id(&self) -> Option<&SessionId> {
        match &self.phase {
            Phase::Stored { id, .. } => Some(id),
            _ => None,
        }
    }

    /// Returns the id of the session that a `destroy` means, beside those of the request's cookies.
    pub(crate) fn destroyed_id(&self) -> Option<SessionId> {
        match &self.phase {
            Phase::Destroyed { target, .. } => *target,
            _ => None,
        }
    }

    /// Returns `true` if the session holds no data but the library's own.
    pub(crate) fn is_empty(&self) -> bool {
        self.data.is_empty_but_for(META_KEY)
    }

    /// Returns `true` if pending changes have altered the data.
    pub(crate) fn is_changed(&self) -> bool {
        self.changes.is_effective()
    }

    pub(crate) fn head(&self) -> &ResponseHead {
        &self.head
    }

    pub(crate) fn head_mut(&mut self) -> &mut ResponseHead {
        &mut self.head
    }

    pub(crate) fn has_unconfirmed_write(&self) -> bool {
        self.unconfirmed.last.is_some()
    }

    /// Returns `true` if the end of the request loses changes that a handler made after the response head.
    pub(crate) fn loses_changes(&self) -> bool {
        self.head.is_sent()
            && match &self.phase {
                Phase::Stored { .. } => self.is_changed(),
                Phase::Destroyed { .. } => true,
                _ => false,
            }
    }

    /// Takes the outcome of a load, unless another task of the request has loaded or destroyed the session.
    pub(crate) fn load(&mut self, phase: Phase, data: SessionMap, absence: Option<Absence>, time_left: Duration) {
        self.time_left = time_left;
        if matches!(self.phase, Phase::NotLoaded) {
            self.client_has_session = matches!(phase, Phase::Stored { .. } | Phase::InCookie { .. });
            self.phase = phase;
            self.data = data;
            self.absence = absence;
        }
    }

    /// Edits the data. `edit` returns the change that it made, and if that altered the data.
    ///
    /// # Errors
    ///
    /// If a change could not be kept any more, and the errors of `edit`.
    pub(crate) fn mutate<E: Into<SessionError>>(
        &mut self,
        edit: impl FnOnce(&mut SessionMap) -> Result<(Change, bool), E>,
    ) -> Result<(), SessionError> {
        match &self.phase {
            Phase::Lost { .. } => return Err(SessionError::Gone),
            Phase::LoadFailed(error) => return Err(error.clone()),
            // A stored session can still be written; only its cookie can't be sent any more.
            Phase::Stored { .. } => {}
            _ if self.head.is_sent() => return Err(SessionError::HeadersSent),
            _ => {}
        }
        let (change, effective) = edit(&mut self.data).map_err(Into::into)?;
        self.changes.push(change, effective);
        if let Phase::Destroyed { replaced, .. } = &mut self.phase {
            *replaced |= effective;
        }
        Ok(())
    }

    /// Asks for a new id. A session that is not stored yet gets one anyway.
    pub(crate) fn renew(&mut self) -> Result<(), SessionError> {
        let head_sent = self.head.is_sent();
        match &mut self.phase {
            Phase::Lost { .. } => Err(SessionError::Gone),
            _ if head_sent => Err(SessionError::HeadersSent),
            Phase::Stored { renew, .. } | Phase::InCookie { renew, .. } | Phase::New { renew, .. } => {
                *renew = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn destroy(&mut self) {
        self.data.clear();
        self.changes = ChangeLog::default();
        self.generation += 1;
        // A write that replaces a version fails once the session is removed.
        self.unconfirmed.last = self.unconfirmed.last.take().filter(|write| write.replaces.is_none());
        self.head.set_cookie(CookieChange::None);
        let target = match &self.phase {
            Phase::Stored { id, .. } | Phase::Lost { id } => Some(*id),
            Phase::New { before: Before::UnknownId(id), .. } => Some(*id),
            Phase::Destroyed { target, .. } => *target,
            // A session that is being created gets its id from the confirmation.
            Phase::NotLoaded | Phase::LoadFailed(_) | Phase::InCookie { .. } | Phase::New { .. } => None,
        };
        self.phase = Phase::Destroyed { target, replaced: false };
    }

    /// Drops all changes but a `destroy`, because the response has failed. `loaded` is the data without them.
    pub(crate) fn discard_changes(&mut self, loaded: SessionMap) {
        self.changes = ChangeLog::default();
        self.data = loaded;
        self.unconfirmed.earlier_may_land = false;
        self.head.force_refresh(false);
        // If a renewal was applied, the client must learn the new id. Otherwise it is not repeated.
        self.unconfirmed.last = self.unconfirmed.last.take().filter(|write| write.new_id.is_some());
        if let Some(write) = &mut self.unconfirmed.last {
            write.changes = ChangeLog::default();
            write.discarded = true;
        }
        let keeps_renewal = self.unconfirmed.last.is_some();
        match &mut self.phase {
            Phase::Stored { renew, .. } | Phase::InCookie { renew, .. } if !keeps_renewal => *renew = false,
            Phase::Destroyed { replaced, .. } => *replaced = false,
            _ => {}
        }
    }

    /// Drops a renewal that was asked for by a response that failed.
    pub(crate) fn cancel_renewal(&mut self) {
        if let Phase::Stored { renew, .. } = &mut self.phase {
            *renew = false;
        }
    }

    /// Takes the pending changes of a new session for an attempt. Tells if the request is a login, which called `renew`.
    pub(crate) fn take_new(&mut self) -> Option<(Before, bool, Taken)> {
        let Phase::New { before, renew } = self.phase else { return None };
        Some((before, renew, self.take_changes(false)))
    }

    /// Takes the pending changes of a stored session for an attempt.
    #[inline]
    pub(crate) fn take_stored(&mut self) -> Option<(Option<Version>, Taken)> {
        let Phase::Stored { version, loaded, .. } = &self.phase else { return None };
        let (version, on_empty) = (version.clone(), loaded.is_empty_but_for(META_KEY));
        Some((version, self.take_changes(on_empty)))
    }

    fn take_changes(&mut self, on_empty: bool) -> Taken {
        Taken {
            changes: std::mem::take(&mut self.changes),
            data: self.data.clone(),
            on_empty,
            earlier_may_land: self.unconfirmed.earlier_may_land,
            generation: self.generation,
        }
    }

    /// Puts back the changes of an attempt that was not applied. Later changes stay on top.
    pub(crate) fn put_back(&mut self, mut changes: ChangeLog, generation: u32) {
        if self.generation == generation {
            changes.append(std::mem::take(&mut self.changes));
            self.changes = changes;
        }
    }

    /// Records a write whose outcome is unknown.
    pub(crate) fn record_unconfirmed(&mut self, mut write: UnconfirmedWrite) {
        let destroyed = self.generation != write.generation;
        if destroyed {
            write.changes = ChangeLog::default();
        }
        // Of a session that was destroyed since, only a creation matters: it has to be removed if it was applied.
        if !destroyed || write.replaces.is_none() {
            self.unconfirmed.last = Some(Box::new(write));
        }
    }

    pub(crate) fn take_unconfirmed(&mut self) -> Option<Box<UnconfirmedWrite>> {
        self.unconfirmed.last.take()
    }

    /// Records that a write which is not idempotent was not applied so far.
    pub(crate) fn note_earlier_may_land(&mut self) {
        self.unconfirmed.earlier_may_land = true;
    }

    /// Records that a write was applied.
    pub(crate) fn confirm(&mut self, write: Confirmed<'_>, generation: u32) {
        let Confirmed { new_id, version, sent, replaced_empty } = write;
        // A write at an earlier version comes too late from now on.
        self.unconfirmed.earlier_may_land = false;
        let began = matches!(self.phase, Phase::New { .. }) || self.head.cookie() == CookieChange::New;
        match (&mut self.phase, new_id) {
            (Phase::Destroyed { target, .. }, new_id) => {
                *target = new_id.or(*target);
                return;
            }
            (Phase::Stored { id, renew, .. }, Some(new_id)) => (*id, *renew) = (new_id, false),
            (phase, Some(id)) => {
                let (loaded, refresh) = (SessionMap::new(), RefreshDue::No);
                *phase = Phase::Stored { id, version: None, loaded, refresh, renew: false };
            }
            (_, None) => {}
        }
        let Phase::Stored { version: current, refresh, .. } = &mut self.phase else { return };
        *current = Some(version);
        if self.head.is_sent() || self.generation != generation {
            return;
        }
        let due = self.head.forces_refresh() || *refresh != RefreshDue::No || replaced_empty;
        *refresh = RefreshDue::No;
        self.head.force_refresh(false);
        let (earlier, confirmed) = (self.head.cookie(), ConfirmedBy::ThisCommit);
        self.head.set_cookie(if sent.is_empty_but_for(META_KEY) {
            if self.client_has_session { CookieChange::Remove(confirmed) } else { CookieChange::None }
        } else if began {
            CookieChange::New
        } else if new_id.is_some() || matches!(earlier, CookieChange::Renewed(_)) {
            CookieChange::Renewed(confirmed)
        } else if due || matches!(earlier, CookieChange::Refreshed(_)) {
            CookieChange::Refreshed(confirmed)
        } else {
            CookieChange::None
        });
    }

    /// Records that the store holds the session no more, because this request emptied and renewed it.
    pub(crate) fn confirm_removed(&mut self) {
        self.phase = Phase::New { before: Before::Nothing, renew: false };
        self.head.set_cookie(if self.client_has_session {
            CookieChange::Remove(ConfirmedBy::ThisCommit)
        } else {
            CookieChange::None
        });
    }

    /// Records that `destroy` was carried out. `removes_cookie` tells if the client must forget its cookie.
    pub(crate) fn confirm_destroyed(&mut self, successor: Option<SessionId>, removes_cookie: bool) {
        let before = successor.map_or(Before::Nothing, |successor| Before::Destroyed { successor });
        self.phase = Phase::New { before, renew: false };
        if removes_cookie {
            self.head.set_cookie(CookieChange::Remove(ConfirmedBy::ThisCommit));
        }
    }

    /// Records the current version of the store after an attempt whose changes could not be replayed.
    pub(crate) fn take_version(&mut self, current: &Stored) {
        self.unconfirmed.earlier_may_land = false;
        if let Phase::Stored { version, .. } = &mut self.phase {
            *version = Some(current.version.clone());
        }
    }

    /// Bases the request's data on the stored data. Returns `true` if that was all: no change is pending, or the session
    /// was destroyed since.
    #[inline]
    pub(crate) fn rebase(&mut self, stored: &SessionMap, generation: u32) -> bool {
        if self.generation != generation {
            return true;
        }
        if let Phase::Stored { loaded, .. } = &mut self.phase {
            *loaded = stored.clone();
        }
        if self.changes.is_empty() {
            self.data = stored.clone();
        }
        self.changes.is_empty()
    }

    /// Takes the pending changes and the data they were made on, to replay them.
    pub(crate) fn changes_to_replay(&mut self) -> (ChangeLog, SessionMap) {
        (std::mem::take(&mut self.changes), self.data.clone())
    }

    /// Puts replayed changes back, with the data that they made; `None` if they did not replay. Returns `true` if no other
    /// change was made while they were replayed.
    pub(crate) fn replayed(&mut self, mut changes: ChangeLog, data: Option<SessionMap>, generation: u32) -> bool {
        if self.generation != generation {
            return true;
        }
        let undisturbed = self.changes.is_empty();
        changes.append(std::mem::take(&mut self.changes));
        self.changes = changes;
        match data {
            Some(data) if undisturbed => self.data = data,
            Some(_) => {}
            // The next write reports the error.
            None => self.forget_version(),
        }
        undisturbed
    }

    /// Makes the next write fetch the session first.
    pub(crate) fn forget_version(&mut self) {
        if let Phase::Stored { version, .. } = &mut self.phase {
            *version = None;
        }
    }

    /// Records that the session can't be written any more. A `destroy` stands.
    pub(crate) fn lose(&mut self) {
        let id = match &self.phase {
            Phase::Stored { id, .. } => *id,
            Phase::New { before: Before::UnknownId(id) | Before::Destroyed { successor: id }, .. } => *id,
            _ => return,
        };
        self.changes = ChangeLog::default();
        self.phase = Phase::Lost { id };
        self.head.set_cookie(CookieChange::None);
    }

    /// Edits the data of a session that lives in the cookie, before it is sent.
    pub(crate) fn prepare_data<E>(&mut self, edit: impl FnOnce(&mut SessionMap) -> Result<(), E>) -> Result<(), E> {
        edit(&mut self.data)
    }
}
