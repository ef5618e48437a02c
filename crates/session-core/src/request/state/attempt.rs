//! The transitions of an attempt to write the session, and of the store's answers.

use super::RequestSession;
use crate::backend::{Stored, Version};
use crate::changes::ChangeLog;
use crate::config::policy::RefreshDue;
use crate::id::SessionId;
use crate::map::SessionMap;
use crate::meta::is_emptied;
use crate::request::head::{ConfirmedBy, CookieChange};
use crate::request::phase::{Before, Phase};
use crate::request::transfer::{Sent, Taken, UnconfirmedWrite};

impl RequestSession {
    /// Takes the pending changes for an attempt.
    #[inline]
    pub(crate) fn take_changes(&mut self) -> Taken {
        Taken {
            data: self.data.clone(),
            on_empty: matches!(&self.phase, Phase::Stored { loaded, .. } if is_emptied(loaded)),
            earlier_may_land: self.unconfirmed.earlier_may_land,
            refreshes: self.refreshes(),
            generation: self.generation,
            discarded: false,
            // The last one, so that it is moved only once.
            changes: std::mem::take(&mut self.changes),
        }
    }

    fn refreshes(&self) -> bool {
        let is_due = matches!(&self.phase, Phase::Stored { refresh, .. } if *refresh != RefreshDue::No);
        is_due || self.head.forces_refresh()
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
        let destroyed = self.generation != write.taken.generation;
        if destroyed {
            write.taken.changes = ChangeLog::default();
        }
        // If the session was destroyed since, only a creation matters: if it was applied, the new session has to be
        // removed.
        if !destroyed || write.sent.replaces.is_none() {
            self.unconfirmed.last = Some(Box::new(write));
        }
    }

    pub(crate) fn take_unconfirmed(&mut self) -> Option<Box<UnconfirmedWrite>> {
        self.unconfirmed.last.take()
    }

    /// Records that a write that is not idempotent has not been applied so far.
    pub(crate) fn note_earlier_may_land(&mut self) {
        self.unconfirmed.earlier_may_land = true;
    }

    /// Records that a write was applied.
    pub(crate) fn confirm(&mut self, sent: &Sent, version: Version, taken: &Taken) {
        // A write at an earlier version comes too late from now on.
        self.unconfirmed.earlier_may_land = false;
        let began = matches!(self.phase, Phase::New { .. }) || self.head.cookie() == CookieChange::New;
        match (&mut self.phase, &sent.new_id) {
            (Phase::Destroyed { target, .. }, new_id) => {
                *target = new_id.or(*target);
                return;
            }
            (Phase::Stored { id, renew, .. }, Some(new_id)) => (*id, *renew) = (*new_id, false),
            (phase, Some(id)) => {
                let (loaded, refresh) = (SessionMap::new(), RefreshDue::No);
                *phase = Phase::Stored { id: *id, version: None, loaded, refresh, renew: false };
            }
            (_, None) => {}
        }
        let Phase::Stored { version: current, refresh, .. } = &mut self.phase else { return };
        *current = Some(version);
        if self.head.is_sent() || self.generation != taken.generation {
            return;
        }
        let due = self.head.forces_refresh() || *refresh != RefreshDue::No || taken.on_empty;
        *refresh = RefreshDue::No;
        self.head.force_refresh(false);
        let (earlier, confirmed) = (self.head.cookie(), ConfirmedBy::ThisCommit);
        self.head.set_cookie(if is_emptied(&sent.data) {
            if self.client_has_session { CookieChange::Remove(confirmed) } else { CookieChange::None }
        } else if began {
            CookieChange::New
        } else if sent.new_id.is_some() || matches!(earlier, CookieChange::Renewed(_)) {
            CookieChange::Renewed(confirmed)
        } else if due || matches!(earlier, CookieChange::Refreshed(_)) {
            CookieChange::Refreshed(confirmed)
        } else {
            CookieChange::None
        });
    }

    /// Records that the store no longer has the session, because this request emptied and renewed it.
    pub(crate) fn confirm_removed(&mut self) {
        // A `destroy` stands.
        if !matches!(self.phase, Phase::Stored { .. }) {
            return;
        }
        self.phase = Phase::New { before: Before::Nothing, renew: false };
        self.head.set_cookie(if self.client_has_session {
            CookieChange::Remove(ConfirmedBy::ThisCommit)
        } else {
            CookieChange::None
        });
    }

    /// Records that `destroy` was executed. `removes_cookie` is `true` if the client's cookie is to be removed.
    pub(crate) fn confirm_destroyed(&mut self, successor: Option<SessionId>, removes_cookie: bool) {
        let before = successor.map_or(Before::Nothing, |successor| Before::Destroyed { successor });
        self.phase = Phase::New { before, renew: false };
        if removes_cookie {
            self.head.set_cookie(CookieChange::Remove(ConfirmedBy::ThisCommit));
        }
    }

    /// Records the current version of the stored session, without changing the data.
    pub(crate) fn take_version(&mut self, current: &Stored) {
        self.unconfirmed.earlier_may_land = false;
        if let Phase::Stored { version, .. } = &mut self.phase {
            *version = Some(current.version.clone());
        }
    }

    /// Bases the request's data on the stored data. Returns `true` if nothing is left to do: no change is pending, or
    /// the session was destroyed since.
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

    /// Begins a new session in place of one that another request has renewed. The pending changes stay.
    pub(crate) fn begin_anew(&mut self, generation: u32) {
        if self.generation == generation {
            self.phase = Phase::New { before: Before::Nothing, renew: true };
            self.head.set_cookie(CookieChange::None);
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
}
