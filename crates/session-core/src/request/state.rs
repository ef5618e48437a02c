//! The state of a request's session, and its transitions.
//!
//! Only this module and its child assign these fields.

mod attempt;

use std::time::Duration;

use crate::absence::Absence;
use crate::changes::{Change, ChangeLog};
use crate::error::SessionError;
use crate::id::SessionId;
use crate::map::SessionMap;
use crate::meta::{Meta, is_emptied};
use crate::request::head::{CookieChange, ResponseHead};
use crate::request::phase::{Before, Loaded, Phase};
use crate::request::transfer::UnconfirmedWrite;
use crate::user::sign_in::SignIn;

/// One request's session, as all its handles share it.
pub(crate) struct RequestSession {
    phase: Phase,
    /// The data as the request sees it, with its pending changes.
    data: SessionMap,
    /// The pending changes.
    changes: ChangeLog,
    unconfirmed: Unconfirmed,
    head: ResponseHead,
    /// The request's cookie named or held a session.
    client_has_session: bool,
    /// The reason why the store has no session under the cookie's id.
    absence: Option<Absence>,
    /// The user of the session that `destroy` has been called for, if the session was loaded.
    signed_out: Option<Box<SignIn>>,
    /// Incremented by `destroy`. Results of writes from an earlier generation are ignored.
    generation: u32,
    /// The rest of the request's deadline.
    time_left: Duration,
}

#[derive(Default)]
struct Unconfirmed {
    last: Option<Box<UnconfirmedWrite>>,
    /// A write that is not idempotent had not been applied when last checked, but may still be applied.
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
            signed_out: None,
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

    /// Returns the data of the store, as it was loaded or last persisted.
    pub(crate) fn stored_data(&self) -> &SessionMap {
        match &self.phase {
            Phase::Stored { loaded, .. } => loaded,
            _ => &self.data,
        }
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

    /// Records the reason, known from a marker, why the store does not have the session.
    pub(crate) fn note_absence(&mut self, absence: Absence) {
        self.absence = Some(absence);
    }

    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// Returns the id under which the store has the session.
    pub(crate) fn id(&self) -> Option<&SessionId> {
        match &self.phase {
            Phase::Stored { id, .. } => Some(id),
            _ => None,
        }
    }

    /// Returns the id of the session that a `destroy` removes, in addition to those of the request's cookies.
    pub(crate) fn destroyed_id(&self) -> Option<SessionId> {
        match &self.phase {
            Phase::Destroyed { target, .. } => *target,
            _ => None,
        }
    }

    /// Returns the user of the session that the store or the cookie holds.
    pub(crate) fn bound_user(&self) -> Option<Box<SignIn>> {
        match &self.phase {
            Phase::Stored { loaded, .. } => Meta::of(loaded).user,
            Phase::InCookie { .. } => Meta::of(&self.data).user,
            _ => None,
        }
    }

    /// Returns the user of the session that is to be destroyed, if the session was loaded.
    pub(crate) fn signed_out(&self) -> Option<&SignIn> {
        self.signed_out.as_deref()
    }

    /// Returns the user as the request sees it, or the one that it signs out.
    pub(crate) fn known_user(&self) -> Option<Box<SignIn>> {
        Meta::of(&self.data).user.or_else(|| self.signed_out.clone())
    }

    /// Returns `true` if a pending change signs a user in.
    pub(crate) fn signs_in(&self) -> bool {
        self.changes.signs_in()
    }

    /// Returns `true` if the session holds no data and no user.
    pub(crate) fn is_empty(&self) -> bool {
        is_emptied(&self.data)
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
        self.head.is_changed_since()
            && match &self.phase {
                Phase::Stored { .. } => self.is_changed(),
                Phase::Destroyed { .. } => true,
                _ => false,
            }
    }

    /// Takes the outcome of a load, unless another task of the request has loaded or destroyed the session.
    #[inline]
    pub(crate) fn load(&mut self, loaded: Loaded, time_left: Duration) {
        self.time_left = time_left;
        if matches!(self.phase, Phase::NotLoaded) {
            let (phase, data, absence) = loaded;
            self.phase = phase;
            self.data = data;
            self.absence = absence;
            self.client_has_session = matches!(self.phase, Phase::Stored { .. } | Phase::InCookie { .. });
        }
    }

    /// Edits the data. `edit` returns the change that it made, and `true` if the change altered the data.
    ///
    /// # Errors
    ///
    /// If changes can no longer be stored, and the errors of `edit`.
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
        if effective {
            self.head.note_change();
        }
        if let Phase::Destroyed { replaced, .. } = &mut self.phase {
            *replaced |= effective;
        }
        Ok(())
    }

    /// Requests a new id. A session that is not stored yet gets one anyway.
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
        self.signed_out = self.bound_user().or(self.signed_out.take());
        self.data.clear();
        self.changes = ChangeLog::default();
        self.generation += 1;
        // A write that replaces a version fails once the session is removed.
        self.unconfirmed.last = self.unconfirmed.last.take().filter(|write| write.sent.replaces.is_none());
        self.head.set_cookie(CookieChange::None);
        self.head.note_change();
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
        // If a renewal was applied, the client must get the new id. Otherwise the renewal is not repeated.
        self.unconfirmed.last = self.unconfirmed.last.take().filter(|write| write.sent.new_id.is_some());
        if let Some(write) = &mut self.unconfirmed.last {
            write.taken.changes = ChangeLog::default();
            write.taken.discarded = true;
        }
        let keeps_renewal = self.unconfirmed.last.is_some();
        match &mut self.phase {
            Phase::Stored { renew, .. } | Phase::InCookie { renew, .. } if !keeps_renewal => *renew = false,
            Phase::Destroyed { replaced, .. } => *replaced = false,
            _ => {}
        }
    }

    /// Drops a renewal that was requested before the response failed.
    pub(crate) fn cancel_renewal(&mut self) {
        if let Phase::Stored { renew, .. } = &mut self.phase {
            *renew = false;
        }
    }

    /// Edits the data of a session that lives in the cookie, before it is sent.
    pub(crate) fn prepare_data<E>(&mut self, edit: impl FnOnce(&mut SessionMap) -> Result<(), E>) -> Result<(), E> {
        edit(&mut self.data)
    }
}
