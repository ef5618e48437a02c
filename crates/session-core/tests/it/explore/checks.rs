//! The rules that every run must keep.

use super::data::{BOB, Data, Key};
use super::program::Operation;
use super::record::{Cookie, Order, Record, Request};

/// A rule and its name.
pub(super) type Check = (&'static str, fn(&Record) -> bool);

/// All rules. The first ones explain more.
pub(super) const CHECKS: [Check; 14] = [
    ("every request ends", every_request_ends),
    ("no session shows another's data", no_session_shows_anothers_data),
    ("a session that is gone is never read or written again", a_gone_session_stays_gone),
    ("a value is taken once", a_value_is_taken_once),
    ("a refusal has its reason", a_refusal_has_its_reason),
    ("what was refused has not happened", refused_calls_have_no_effect),
    ("answers and data are those of a serial order", answers_and_data_are_those_of_a_serial_order),
    ("a value taken or saved was stored", a_value_taken_or_saved_was_stored),
    ("the session lives under one id", the_session_lives_under_one_id),
    ("a stored session of a user is listed", a_stored_session_of_a_user_is_listed),
    ("a cookie leads to a live session", a_cookie_leads_to_a_live_session),
    ("a cookie has its reason", a_cookie_has_its_reason),
    ("a cookie that is due is sent", a_cookie_that_is_due_is_sent),
    ("the browser ends with the newest login", the_browser_ends_with_the_newest_login),
];

/// Returns the names of the rules that a run breaks.
pub(super) fn broken(record: &Record) -> impl Iterator<Item = &'static str> {
    CHECKS.iter().filter(|(_, holds)| !holds(record)).map(|(name, _)| *name)
}

fn every_request_ends(record: &Record) -> bool {
    record.stuck.is_empty()
}

/// The session of another visitor stays as it is. Each handler sees nothing, or a value that the shared session had.
fn no_session_shows_anothers_data(record: &Record) -> bool {
    let is_right = |view: Data| view.is_empty() || record.trace.values.contains(&view);
    let is_bobs = |data: Data| data.get(Key::Owner) == Some(BOB);
    record.of_another == Some(Data::of_another())
        && record.requests.iter().filter_map(|request| request.answer.view).all(is_right)
        && !record.others.iter().filter_map(|other| other.data).any(is_bobs)
}

fn a_gone_session_stays_gone(record: &Record) -> bool {
    let is_live = |key: &str| record.others.iter().any(|other| *other.key == *key && other.data.is_some());
    let left = |departure: &super::record::Departure| !is_live(&departure.key);
    !record.trace.revived
        && (record.departure().is_none() || record.shared.is_none())
        && record.trace.departures.iter().skip(1).all(left)
}

fn a_value_is_taken_once(record: &Record) -> bool {
    record.requests.iter().filter(|request| request.succeeded() && request.answer.took).count() <= 1
}

/// A request is refused only because of a fault of its own, or because of what another request has done.
fn a_refusal_has_its_reason(record: &Record) -> bool {
    record.requests.iter().enumerate().all(|(number, request)| {
        let Some(status) = request.status() else { return true };
        match status {
            200 => !matches!(request.operation, Operation::Fail | Operation::LoginThenFail),
            409 => request.outcome_unknown || conflicts(record, number),
            500 => matches!(request.operation, Operation::Fail | Operation::LoginThenFail),
            // The library can't know if the store applies the write that was given up.
            503 => request.fault.is_some() || request.operation == Operation::GiveUp,
            _ => false,
        }
    })
}

/// Returns `true` if another request has done what makes this one a conflict.
fn conflicts(record: &Record, number: usize) -> bool {
    let request = &record.requests[number];
    let others = || record.requests.iter().enumerate().filter(|(other, _)| *other != number).map(|(_, other)| other);
    let any_other = |has_done: fn(Operation) -> bool| others().any(|other| has_done(other.operation));
    match request.operation {
        Operation::Take if request.answer.took && any_other(removes_token) => true,
        // The revocation may have found the entry of the session under its new id.
        operation if record.initial().get(Key::SignedIn).is_some() && operation.renews() => true,
        // A logout follows the session to the one that takes its place.
        Operation::Replace => any_other(|other| matches!(other, Operation::Destroy | Operation::Replace)),
        _ => lost_its_id(record, number),
    }
}

fn removes_token(operation: Operation) -> bool {
    matches!(operation, Operation::Take | Operation::RemoveLast | Operation::Clear)
}

/// Returns `true` if another request has removed or moved the shared session, so that this one has to say so.
fn lost_its_id(record: &Record, number: usize) -> bool {
    let request = &record.requests[number];
    let Some(departure) = record.departure() else { return false };
    if departure.by == number || request.ended_at.is_some_and(|end| end <= departure.at) {
        return false;
    }
    let loaded_before = request.began_at.is_none_or(|begin| begin <= departure.at);
    match request.operation {
        Operation::Read | Operation::SlowRead | Operation::Fail | Operation::Destroy | Operation::Revoke => false,
        // A sign-in begins a session of its own beside another one.
        Operation::SignIn => loaded_before && !record.was_renewed(),
        // A login begins a session where there is none.
        Operation::Login | Operation::LoginThenFail | Operation::Touch => loaded_before,
        _ if record.was_renewed() => true,
        // After a logout, other changes are dropped in silence, as if they had come before it.
        Operation::Take | Operation::Renew | Operation::Reload => loaded_before,
        Operation::SaveThenMore | Operation::SaveThenWait => loaded_before,
        _ => false,
    }
}

fn refused_calls_have_no_effect(record: &Record) -> bool {
    record.order != Order::OfRefused
}

fn answers_and_data_are_those_of_a_serial_order(record: &Record) -> bool {
    record.order != Order::None
}

/// A request is not told that it has taken a value or saved its changes, if the session was gone before they were
/// stored. Other changes may be dropped in silence after a logout, as if they had come just before it.
fn a_value_taken_or_saved_was_stored(record: &Record) -> bool {
    let Some(departure) = record.departure() else { return true };
    let others = record.requests.iter().enumerate().filter(|(number, _)| *number != departure.by);
    others.map(|(_, request)| request).filter(|request| request.answer.view != Some(Data::default())).all(|request| {
        let taken_at = request.ended_at.filter(|_| request.succeeded() && request.answer.took);
        [taken_at, request.saved_at].into_iter().flatten().all(|stored_at| stored_at <= departure.at)
    })
}

/// Without a fault, at most one stored session is that of the shared session's owner.
fn the_session_lives_under_one_id(record: &Record) -> bool {
    let has_owner = |data: &Data| data.get(Key::Owner).is_some();
    let lives = record.others.iter().filter_map(|other| other.data).chain(record.shared).filter(has_owner).count();
    record.fault().is_some() || lives <= 1
}

fn a_stored_session_of_a_user_is_listed(record: &Record) -> bool {
    !record.unlisted
}

/// A cookie leads to a session that was stored when the last call of its commit was applied.
fn a_cookie_leads_to_a_live_session(record: &Record) -> bool {
    record.requests.iter().all(|request| request.cookie_key().is_none() || request.cookie_was_live)
}

/// A response carries a cookie only for a session that its request began or renewed, for a refresh that was due, or for
/// data in a session that was emptied. It carries a removal only for a logout or an emptied session.
fn a_cookie_has_its_reason(record: &Record) -> bool {
    record.requests.iter().enumerate().all(|(number, request)| match request.cookie() {
        Cookie::None => true,
        Cookie::Removal => {
            let removes = [Operation::Destroy, Operation::Replace, Operation::RemoveLast, Operation::Clear];
            removes.contains(&request.operation)
        }
        Cookie::Session(key) => match record.creator(key) {
            Some(creator) => creator == number,
            None if request.answer.view.is_some_and(Data::is_empty) => !request.operation.only_reads(),
            None => request.refresh_is_due || was_emptied(record),
        },
    })
}

/// Without a fault, a logout removes the cookie of the session that it removed. A request whose cookie is due for a
/// refresh gets a new one, if the session was there until the request ended.
fn a_cookie_that_is_due_is_sent(record: &Record) -> bool {
    let departure = record.departure();
    let had_session = |request: &Request| {
        request.answer.view.is_some_and(|view| !view.is_empty())
            && departure.is_none_or(|departure| request.ended_at.is_some_and(|end| end <= departure.at))
    };
    record.fault().is_some()
        || record.requests.iter().enumerate().all(|(number, request)| match request.operation {
            _ if !request.succeeded() => true,
            Operation::Destroy if departure.is_some_and(|departure| departure.by == number) => {
                *request.cookie() == Cookie::Removal
            }
            _ if request.refresh_is_due && had_session(request) && !was_emptied(record) => {
                request.cookie_key().is_some()
            }
            _ => true,
        })
}

fn was_emptied(record: &Record) -> bool {
    record.trace.values.iter().any(|data| data.is_empty())
}

/// A browser that receives the responses in the order of their last calls ends with the newest login: the last session
/// that a renewal moved to, or that began in a login after it. A logout that is answered later leaves nothing.
fn the_browser_ends_with_the_newest_login(record: &Record) -> bool {
    let answered = || record.answered.iter().map(|number| (*number, &record.requests[*number]));
    let is_login = |(number, request): &(usize, &Request)| {
        request.operation.leaves_successor()
            && record.was_renewed()
            && request.cookie_key().and_then(|key| record.creator(key)) == Some(*number)
    };
    let is_logout = |request: &Request| {
        matches!(request.operation, Operation::Destroy | Operation::Replace) && *request.cookie() == Cookie::Removal
    };
    let Some((newest, login)) = answered().rfind(is_login) else { return true };
    let later = || answered().map(|(_, request)| request).skip_while(|request| !std::ptr::eq(*request, login)).skip(1);
    if later().any(is_logout) {
        return true;
    }
    let last = answered().map(|(_, request)| request.cookie()).rfind(|cookie| **cookie != Cookie::None);
    matches!(last, Some(Cookie::Session(key)) if record.creator(key) == Some(newest))
}
