//! Takes over the sessions of other formats.

use std::sync::Arc;

use crate::backend::deadline::{Deadline, TimedStore};
use crate::backend::{Applied, BackendError, BackendErrorKind, Create, Remove, Stored, WriteOutcome};
use crate::cookie::{CookieTemplate, RequestCookies, SetCookie};
use crate::format::{Accepted, ReadContent, StoredRecord};
use crate::id::SessionId;
use crate::map::SessionMap;
use crate::request::context::{SessionContext, StoreKey};
use crate::text::ShortStr;

/// A verified cookie of another format, in a request without one of its own.
pub(crate) struct Adoption<'a> {
    accepted: &'a Accepted,
    content: ReadContent,
}

impl<'a> Adoption<'a> {
    /// Finds the cookie that counts, as of `now`.
    pub(crate) fn find(accepted: &'a [Accepted], cookies: &RequestCookies, now: u64) -> Option<Self> {
        accepted.iter().find_map(|accepted| Some(Self { accepted, content: accepted.find(cookies, now)? }))
    }

    /// Returns the id of the session that takes over; `None` if there are no random numbers for one.
    pub(crate) fn successor(&self) -> Option<SessionId> {
        match &self.content {
            ReadContent::Id(id) => Some(self.accepted.successor(id)),
            // Random, because two clients may have cookies with the same text.
            ReadContent::Session(_) => SessionId::random(),
        }
    }

    /// Returns the data of a session that lives in its cookie.
    pub(crate) fn into_session(self) -> Option<SessionMap> {
        match self.content {
            ReadContent::Session(session) => adopted(session).ok()?,
            ReadContent::Id(_) => None,
        }
    }
}

impl Accepted {
    fn key(&self, id: &SessionId) -> StoreKey {
        ShortStr::concat([&self.key_prefix, id.as_str()])
    }
}

impl SessionContext {
    /// Finds the session under the successor's key, or takes over the one of the other format.
    ///
    /// A logout removes the other format's session first, and then the successor. A request that has created the
    /// successor, and then finds the other session removed, therefore removes the successor again. A request that
    /// destroys the session and begins another one leaves the successor's marker first.
    pub(crate) async fn adopt(
        &self,
        adoption: &Adoption<'_>,
        key: &str,
        store: &mut TimedStore<'_>,
    ) -> Result<Option<Stored>, BackendError> {
        let accepted = adoption.accepted;
        if matches!(adoption.content, ReadContent::Id(_))
            && let Some(found) = store.fetch(key).await?
        {
            return Ok(Some(found));
        }
        let (found, foreign) = match (&adoption.content, &accepted.store) {
            (ReadContent::Id(id), Some(foreign)) => {
                let key = accepted.key(id);
                (store.deadline.run(foreign.fetch(&key)).await?.map(|stored| stored.session), Some((foreign, key)))
            }
            (ReadContent::Session(session), _) => (Some(session.clone()), None),
            _ => (None, None),
        };
        // Another request may have taken it over in between.
        let Some(found) = found else { return store.fetch(key).await };
        let unreadable = BackendError::new(BackendErrorKind::Corrupt, Applied::No);
        let Some(mut data) = adopted(found)? else { return Ok(None) };
        self.config.prepare(&mut data, true).map_err(|error| unreadable.with_source(error))?;
        let (ttl, user) = self.ttl_and_user(&data);
        let create = Create::new(key, &data, ttl).of_user(user.as_deref());
        let version = match store.deadline.run(store.store.create(create)).await? {
            WriteOutcome::Done(version) => version,
            WriteOutcome::Conflict(_) => return store.fetch(key).await,
            WriteOutcome::Gone(_) => return Ok(None),
        };
        if let Some((foreign, foreign_key)) = foreign {
            let is_there = if accepted.keeps {
                store.deadline.run(foreign.fetch(&foreign_key)).await?.is_some()
            } else {
                matches!(store.deadline.run(foreign.remove(Remove::new(&foreign_key))).await?, WriteOutcome::Done(()))
            };
            if !is_there {
                store.remove(Remove::new(key).of_user(user.as_deref())).await?;
                return Ok(None);
            }
        }
        Ok(Some(Stored::new(data, version)))
    }

    /// Returns the sessions of other formats that a configuration takes over.
    pub(crate) fn accepted(&self) -> &[Accepted] {
        self.config.accepted.as_deref().unwrap_or_default()
    }

    /// Removes the stored sessions of other formats that verified cookies name. Returns `true` if there were any.
    #[cold]
    pub(crate) async fn end_accepted(
        &self,
        cookies: &RequestCookies,
        deadline: &mut Deadline,
    ) -> Result<bool, BackendError> {
        let mut ended = false;
        for accepted in self.accepted() {
            let Some(store) = &accepted.store else { continue };
            for id in accepted.ids(cookies) {
                let outcome = deadline.run(store.remove(Remove::new(&accepted.key(&id)))).await?;
                ended |= matches!(outcome, WriteOutcome::Done(()));
            }
        }
        Ok(ended)
    }

    /// Returns `true` if the request has a cookie of the session's name, or of a format that is taken over.
    pub(crate) fn has_cookie(&self, cookies: &RequestCookies) -> bool {
        cookies.names(self.config.cookie_name())
            || self.accepted().iter().any(|accepted| cookies.names(&accepted.cookie_name))
    }

    /// Returns the headers that accompany a header that sets or `removes` the session's cookie.
    pub(crate) fn other_cookies(
        &self,
        cookies: &RequestCookies,
        removes: bool,
        second: Option<SetCookie>,
    ) -> Option<Arc<[SetCookie]>> {
        let former = self.config.former_removals.clone();
        let template = self.config.format.as_ref().and_then(|tokens| tokens.second.as_ref());
        if self.config.accepted.is_none() && template.is_none() {
            return former;
        }
        let second = second.or_else(|| template.filter(|_| removes).map(CookieTemplate::removal));
        let others = self.accepted().iter().filter(|accepted| removes || !accepted.keeps);
        let others = others.filter(|accepted| cookies.names(&accepted.cookie_name));
        let others = others.flat_map(|other| &other.removals).chain(&second);
        let all: Arc<[_]> = former.iter().flat_map(|former| former.iter()).chain(others).cloned().collect();
        Some(all).filter(|all| !all.is_empty())
    }
}

/// Returns the data that the new session takes over, without the data of the other framework; `None` if nothing is
/// left.
fn adopted(mut session: SessionMap) -> Result<Option<SessionMap>, BackendError> {
    let unreadable = || BackendError::new(BackendErrorKind::Corrupt, Applied::No);
    session.validate().map_err(|error| unreadable().with_source(error))?;
    let mut record = StoredRecord::detach(&mut session);
    let _ = record.take_foreign();
    (record.max_age, record.browser) = (None, false);
    if session.is_empty() && record.is_empty() {
        return Ok(None);
    }
    record.attach(&mut session).map_err(|error| unreadable().with_source(error))?;
    Ok(Some(session))
}
