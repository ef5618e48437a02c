//! Decides the next step of a commit or a save.

use crate::config::policy::RefreshDue;
use crate::request::head::{ConfirmedBy, CookieChange};
use crate::request::phase::Phase;
use crate::request::state::RequestSession;

/// The next step of a commit or of a save. The state holds the ids and versions that the step uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    Nothing,
    Cookie(CookiePlan),
    Store(StorePlan),
}

/// A step of a session that lives in the cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CookiePlan {
    /// Send the session.
    Send,
    /// Remove the client's cookie.
    Remove,
}

/// A step of a session that lives in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StorePlan {
    /// Find out what became of an unconfirmed write.
    Recover,
    /// Store a new session.
    Create,
    /// Store the changes of a session: in place, or under a new id.
    Write { renew: bool },
    /// Extend the life of a session, and check that it still exists.
    Touch(TouchDue),
    /// Check that an emptied session is still empty, before the client's cookie is removed.
    CheckEmptied,
    /// Remove the session and those of the request's cookies. If it is `replaced`, the next step creates a session of the
    /// data that was inserted afterwards.
    Destroy { replaced: bool },
}

/// The reason for a touch, which decides what a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TouchDue {
    Refresh,
    /// The client keeps its cookie.
    Extension,
    /// The client must learn a new id.
    Renewal,
}

/// The occasion of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// The response is about to be sent.
    Response,
    /// The response has failed: only a `destroy` and an unconfirmed write matter.
    FailedResponse,
    /// The application persists its changes before the response, or after its head.
    Save,
}

/// The part of the configuration that a plan depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) cookie_mode: bool,
    /// The session lacks the creation time that its absolute lifetime is counted from.
    pub(crate) lacks_creation_time: bool,
}

/// Decides the next step.
pub(crate) fn plan(rules: Rules, session: &RequestSession, occasion: Occasion) -> Plan {
    if session.has_unconfirmed_write() {
        return Plan::Store(StorePlan::Recover);
    }
    let response = occasion != Occasion::Save;
    let changed = session.is_changed();
    match session.phase() {
        Phase::Destroyed { .. } if rules.cookie_mode && occasion == Occasion::Save => Plan::Nothing,
        Phase::Destroyed { replaced: true, .. } if rules.cookie_mode && !session.is_empty() => {
            Plan::Cookie(CookiePlan::Send)
        }
        Phase::Destroyed { .. } if rules.cookie_mode => Plan::Cookie(CookiePlan::Remove),
        Phase::Destroyed { replaced, .. } => {
            Plan::Store(StorePlan::Destroy { replaced: *replaced && !session.is_empty() })
        }
        Phase::New { .. } | Phase::InCookie { .. } if occasion == Occasion::FailedResponse => Plan::Nothing,
        Phase::NotLoaded | Phase::LoadFailed(_) | Phase::Lost { .. } => Plan::Nothing,
        Phase::New { .. } if !changed || session.is_empty() => Plan::Nothing,
        Phase::New { .. } if rules.cookie_mode => {
            if response {
                Plan::Cookie(CookiePlan::Send)
            } else {
                Plan::Nothing
            }
        }
        Phase::New { .. } => Plan::Store(StorePlan::Create),
        Phase::InCookie { .. } if !response => Plan::Nothing,
        Phase::InCookie { .. } if changed && session.is_empty() => Plan::Cookie(CookiePlan::Remove),
        Phase::InCookie { refresh, renew, .. } => {
            let due = *refresh == RefreshDue::Yes || session.head().forces_refresh();
            if changed || *renew || due { Plan::Cookie(CookiePlan::Send) } else { Plan::Nothing }
        }
        Phase::Stored { refresh, renew, .. } => {
            let due = occasion == Occasion::Response
                && (matches!(refresh, RefreshDue::Yes | RefreshDue::InStore) || session.head().forces_refresh())
                && !session.is_empty();
            // An emptied session has no data for a new id to protect.
            let renews = *renew && (changed || !session.is_empty());
            if changed || renews || (due && rules.lacks_creation_time) {
                return Plan::Store(StorePlan::Write { renew: *renew });
            }
            if !response {
                return Plan::Nothing;
            }
            let cookie = session.head().cookie();
            let extends = *refresh == RefreshDue::InStore && !session.head().forces_refresh();
            let kind = if extends { TouchDue::Extension } else { TouchDue::Refresh };
            let refresh = (due && cookie == CookieChange::None).then_some(kind);
            match touch_due(cookie).or(refresh) {
                Some(due) => Plan::Store(StorePlan::Touch(due)),
                None if cookie == CookieChange::Remove(ConfirmedBy::EarlierSave) => {
                    Plan::Store(StorePlan::CheckEmptied)
                }
                None => Plan::Nothing,
            }
        }
    }
}

/// Returns the touch that must confirm a cookie which an earlier save left.
pub(crate) fn touch_due(change: CookieChange) -> Option<TouchDue> {
    match change {
        CookieChange::Renewed(ConfirmedBy::EarlierSave) => Some(TouchDue::Renewal),
        CookieChange::Refreshed(ConfirmedBy::EarlierSave) => Some(TouchDue::Refresh),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::changes::Change;
    use crate::id::SessionId;
    use crate::map::{SessionMap, ValueError};
    use crate::request::phase::Before;

    const ID: &str = "0123456789abcdefghijkl";

    fn id() -> SessionId {
        SessionId::parse(ID).unwrap()
    }

    fn new(before: Before) -> Phase {
        Phase::New { before, renew: false }
    }

    fn in_cookie(refresh: RefreshDue) -> Phase {
        Phase::InCookie { read_at: 0, refresh, renew: false }
    }

    fn stored(refresh: RefreshDue) -> Phase {
        let loaded = SessionMap::from_json(r#"{"a":1}"#).unwrap();
        Phase::Stored { id: id(), version: None, loaded, refresh, renew: false }
    }

    fn insert(session: &mut RequestSession) {
        session.mutate(|map| Ok::<_, ValueError>((Change::Set("b".into()), map.insert_json("b", "2")?))).unwrap();
    }

    fn clear(session: &mut RequestSession) {
        session
            .mutate(|map| {
                map.clear();
                Ok::<_, ValueError>((Change::Clear, true))
            })
            .unwrap();
    }

    fn nothing(_: &mut RequestSession) {}

    fn renew(session: &mut RequestSession) {
        session.renew().unwrap();
    }

    fn log_out(session: &mut RequestSession) {
        session.destroy();
    }

    fn log_out_and_insert(session: &mut RequestSession) {
        session.destroy();
        insert(session);
    }

    fn save_of_a_renewal(session: &mut RequestSession) {
        session.head_mut().set_cookie(CookieChange::Renewed(ConfirmedBy::ThisCommit));
        session.head_mut().end_save(true);
    }

    /// The steps of a request by its phase, its data and what its handler did: at its response, and at a `save`.
    #[test]
    fn each_phase_has_its_plan() {
        use StorePlan::{Create, Destroy, Touch, Write};
        let (none, data) = ("{}", r#"{"a":1}"#);
        let create = Plan::Store(Create);
        let write = |renew| Plan::Store(Write { renew });
        let touch = |due| Plan::Store(Touch(due));
        let destroy = |replaced| Plan::Store(Destroy { replaced });
        let (send, remove) = (Plan::Cookie(CookiePlan::Send), Plan::Cookie(CookiePlan::Remove));
        type Row = (bool, Phase, &'static str, fn(&mut RequestSession), Plan, Plan);
        let rows: [Row; 24] = [
            (false, Phase::NotLoaded, none, nothing, Plan::Nothing, Plan::Nothing),
            (false, Phase::NotLoaded, none, log_out, destroy(false), destroy(false)),
            (false, new(Before::Nothing), none, nothing, Plan::Nothing, Plan::Nothing),
            (false, new(Before::Nothing), none, renew, Plan::Nothing, Plan::Nothing),
            (false, new(Before::Nothing), none, clear, Plan::Nothing, Plan::Nothing),
            (false, new(Before::Nothing), none, insert, create, create),
            (false, new(Before::UnknownId(id())), none, log_out, destroy(false), destroy(false)),
            (false, stored(RefreshDue::No), data, nothing, Plan::Nothing, Plan::Nothing),
            (false, stored(RefreshDue::OnChange), data, nothing, Plan::Nothing, Plan::Nothing),
            (false, stored(RefreshDue::InStore), data, nothing, touch(TouchDue::Extension), Plan::Nothing),
            (false, stored(RefreshDue::InStore), data, insert, write(false), write(false)),
            (false, stored(RefreshDue::Yes), data, nothing, touch(TouchDue::Refresh), Plan::Nothing),
            (false, stored(RefreshDue::Yes), none, nothing, Plan::Nothing, Plan::Nothing),
            (false, stored(RefreshDue::No), data, insert, write(false), write(false)),
            (false, stored(RefreshDue::No), data, clear, write(false), write(false)),
            (false, stored(RefreshDue::No), data, renew, write(true), write(true)),
            (false, stored(RefreshDue::No), data, save_of_a_renewal, touch(TouchDue::Renewal), Plan::Nothing),
            (false, stored(RefreshDue::No), data, log_out_and_insert, destroy(true), destroy(true)),
            (true, in_cookie(RefreshDue::No), data, nothing, Plan::Nothing, Plan::Nothing),
            (true, in_cookie(RefreshDue::InStore), data, nothing, Plan::Nothing, Plan::Nothing),
            (true, in_cookie(RefreshDue::Yes), data, nothing, send, Plan::Nothing),
            (true, in_cookie(RefreshDue::No), data, clear, remove, Plan::Nothing),
            (true, in_cookie(RefreshDue::No), data, log_out, remove, Plan::Nothing),
            (true, in_cookie(RefreshDue::No), data, log_out_and_insert, send, Plan::Nothing),
        ];
        for (number, (cookie_mode, phase, data, act, response, save)) in rows.into_iter().enumerate() {
            let mut session = RequestSession::new(Duration::ZERO, false);
            session.load((phase, SessionMap::from_json(data).unwrap(), None), Duration::ZERO);
            act(&mut session);
            let rules = Rules { cookie_mode, lacks_creation_time: false };
            assert_eq!(plan(rules, &session, Occasion::Response), response, "row {number}");
            assert_eq!(plan(rules, &session, Occasion::Save), save, "row {number}");
        }
    }
}
