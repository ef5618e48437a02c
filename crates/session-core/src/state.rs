//! Where a request's session stands, and the steps it may take.

use std::time::Duration;

use crate::backend::Version;
use crate::change::{Change, ChangeLog};
use crate::meta::META_KEY;
use crate::{SessionError, SessionId, SessionMap};

/// The session of one request, as all its handles share it.
pub(crate) struct Cell {
    pub(crate) state: State,
    /// The data as it was loaded or last persisted. Empty where it lives in the request's cookie, and can be read there
    /// again: so it is edited in place, and not in a copy.
    pub(crate) base: SessionMap,
    /// When the cookie was read, in Unix seconds.
    pub(crate) read_at: u64,
    /// The data as the request sees it, its own changes included.
    pub(crate) map: SessionMap,
    /// What was changed and not yet persisted.
    pub(crate) log: ChangeLog,
    /// Somebody asked for the session.
    pub(crate) used: bool,
    /// The response head is on its way.
    pub(crate) headers_sent: bool,
    /// A session stood behind the cookie of this request.
    pub(crate) client_has_session: bool,
    /// How often the session was destroyed: what a flight brings back from before is void.
    pub(crate) destructions: u32,
    /// The data could not be based on what others wrote: before the next write it must be.
    pub(crate) outdated: bool,
    /// An anonymous session is just being stored.
    pub(crate) creating: bool,
    /// The cookie must be issued anew, whatever its age.
    pub(crate) reissue: bool,
    /// What the response has to tell the client.
    pub(crate) cookie: CookieDue,
    /// A write whose outcome is unknown.
    pub(crate) doubt: Option<Box<Doubt>>,
    /// An earlier write of changes that must not be made twice was not carried out when last looked, and may be yet.
    pub(crate) suspect: bool,
    /// What is left of the request's deadline.
    pub(crate) time_left: Duration,
}

/// Never is anything written under an id that the store has not confirmed.
pub(crate) enum State {
    /// There may be a cookie; nobody has asked for the session.
    Presented,
    /// The session could not be loaded; for the rest of the request it stays that way.
    Failed(SessionError),
    /// No session stands behind the request. Data makes a new one, under a new id.
    Anonymous {
        /// The id of a token that verified, and that the store did not know.
        absent: Option<SessionId>,
    },
    /// The session is the stored one, or the one of the cookie.
    Loaded(Origin),
    /// The same, to be stored under a new id.
    Renewed(Origin),
    /// To be removed.
    Destroyed(Victim),
    /// To be removed, and data makes a new one.
    Replaced(Victim),
    /// Somebody else removed or renewed it; what this request changed could not be kept.
    Gone {
        /// The id that it had.
        id: SessionId,
    },
}

/// Where a loaded session came from.
#[derive(Clone)]
pub(crate) struct Origin {
    /// Id and version in the store; none where the session lives in the cookie.
    pub(crate) stored: Option<(SessionId, Version)>,
    /// The client's cookie was old enough for a new one when it was read, or not by the signing key.
    pub(crate) refresh_due: bool,
}

/// What is to be destroyed.
#[derive(Clone, Copy)]
pub(crate) enum Victim {
    /// The session of the request's cookie, which nobody has looked at.
    Unread,
    /// By its id in the store, if it has one.
    Known(Option<SessionId>),
    /// One that the store did not know any more: if it was renewed, its successor is meant.
    Absent(SessionId),
    /// A session that is being created just now.
    Unborn,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum CookieDue {
    #[default]
    Nothing,
    Issue,
    Remove,
}

/// A write whose outcome is unknown: it was cancelled, or its reply was lost.
pub(crate) struct Doubt {
    pub(crate) log: ChangeLog,
    /// What was made of the session, to recognise it.
    pub(crate) attempted: SessionMap,
    /// Under a new id, if one was minted for it.
    pub(crate) new_id: Option<SessionId>,
    /// The version that it was to replace, if any.
    pub(crate) base: Option<Version>,
    /// How often the session had been destroyed then.
    pub(crate) destructions: u32,
    /// The response has failed since: if it was a renewal that was not carried out, it is not to be made again.
    pub(crate) discarded: bool,
}

impl Origin {
    pub(crate) fn id(&self) -> Option<SessionId> {
        self.stored.as_ref().map(|(id, _)| *id)
    }
}

impl Cell {
    pub(crate) fn new(deadline: Duration, headers_sent: bool) -> Self {
        Self {
            state: State::Presented,
            base: SessionMap::new(),
            read_at: 0,
            map: SessionMap::new(),
            log: ChangeLog::default(),
            used: false,
            headers_sent,
            client_has_session: false,
            destructions: 0,
            outdated: false,
            creating: false,
            reissue: false,
            cookie: CookieDue::Nothing,
            doubt: None,
            suspect: false,
            time_left: deadline,
        }
    }

    pub(crate) fn origin(&self) -> Option<&Origin> {
        match &self.state {
            State::Loaded(origin) | State::Renewed(origin) => Some(origin),
            _ => None,
        }
    }

    /// The id that the store knows the session by.
    pub(crate) fn id(&self) -> Option<&SessionId> {
        self.origin()?.stored.as_ref().map(|(id, _)| id)
    }

    /// Whether the session holds no data but the library's own.
    pub(crate) fn is_empty(&self) -> bool {
        self.map.is_empty_but_for(META_KEY)
    }

    /// The one way by which data changes. `edit` answers what it changed, if anything.
    ///
    /// # Errors
    ///
    /// If a change could not be kept any more, and what `edit` says.
    pub(crate) fn mutate<E: Into<SessionError>>(
        &mut self,
        edit: impl FnOnce(&mut SessionMap) -> Result<Option<Change>, E>,
    ) -> Result<(), SessionError> {
        match &self.state {
            State::Gone { .. } => return Err(SessionError::Gone),
            State::Failed(error) => return Err(error.clone()),
            // What is stored can still be written; only a cookie can't be sent any more.
            State::Loaded(Origin { stored: Some(_), .. }) => {}
            _ if self.headers_sent => return Err(SessionError::HeadersSent),
            _ => {}
        }
        if let Some(change) = edit(&mut self.map).map_err(Into::into)? {
            self.log.push(change);
            if let State::Destroyed(victim) = self.state {
                self.state = State::Replaced(victim);
            }
        }
        Ok(())
    }

    pub(crate) fn renew(&mut self) -> Result<(), SessionError> {
        match self.state {
            State::Gone { .. } => Err(SessionError::Gone),
            _ if self.headers_sent => Err(SessionError::HeadersSent),
            State::Loaded(ref origin) => {
                self.state = State::Renewed(origin.clone());
                Ok(())
            }
            // New sessions get new ids anyway.
            _ => Ok(()),
        }
    }

    pub(crate) fn destroy(&mut self) {
        self.base.clear();
        self.map.clear();
        self.log = ChangeLog::default();
        self.destructions += 1;
        self.doubt = self.doubt.take().filter(|doubt| doubt.base.is_none());
        if self.cookie == CookieDue::Issue {
            self.cookie = CookieDue::Nothing;
        }
        let victim = match &self.state {
            State::Presented | State::Failed(_) => Victim::Unread,
            State::Loaded(origin) | State::Renewed(origin) => Victim::Known(origin.id()),
            State::Replaced(victim) | State::Destroyed(victim) => *victim,
            State::Gone { id } | State::Anonymous { absent: Some(id) } => Victim::Absent(*id),
            State::Anonymous { .. } if self.creating || self.doubt.is_some() => Victim::Unborn,
            State::Anonymous { absent: None } => return,
        };
        self.state = State::Destroyed(victim);
    }

    /// Forgets all changes but a destruction, and shows the data as it was loaded.
    pub(crate) fn discard_changes(&mut self, loaded: SessionMap) {
        self.log = ChangeLog::default();
        self.suspect = false;
        self.reissue = false;
        self.map = loaded;
        // If the session has got a new id, the client must learn it; if it has not, so be it.
        self.doubt = self.doubt.take().filter(|doubt| doubt.new_id.is_some());
        if let Some(doubt) = &mut self.doubt {
            doubt.log = ChangeLog::default();
            doubt.discarded = true;
        }
        match self.state {
            State::Renewed(ref origin) if self.doubt.is_none() => self.state = State::Loaded(origin.clone()),
            State::Replaced(victim) => self.state = State::Destroyed(victim),
            _ => {}
        }
    }

    /// Bases the request's view on what the store holds now. Returns whether that was all: no change is pending, or the
    /// session was destroyed since, which stands.
    pub(crate) fn rebase(&mut self, stored: &SessionMap, destructions: u32) -> bool {
        if self.destructions != destructions {
            return true;
        }
        self.base = stored.clone();
        self.outdated = false;
        if self.log.is_empty() {
            self.map = stored.clone();
        }
        self.log.is_empty()
    }

    /// The store holds the session at this origin; `renewed` tells whether under a new id.
    pub(crate) fn confirm(&mut self, origin: Origin, renewed: bool) {
        self.state = match self.state {
            State::Renewed(_) if !renewed => State::Renewed(origin),
            State::Destroyed(_) => State::Destroyed(Victim::Known(origin.id())),
            State::Replaced(_) => State::Replaced(Victim::Known(origin.id())),
            _ => State::Loaded(origin),
        };
    }

    /// The store holds the session no more.
    pub(crate) fn confirm_removed(&mut self) {
        self.state = State::Anonymous { absent: None };
        self.base.clear();
        self.cookie = if self.client_has_session { CookieDue::Remove } else { CookieDue::Nothing };
        self.client_has_session = false;
    }
}
