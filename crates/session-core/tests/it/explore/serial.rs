//! The meaning of the operations if each request runs alone, and the search for an order that explains a run.

use super::data::{Data, Key};
use super::program::Operation;
use super::record::{Order, Record, Request};

/// All sessions, as far as an order was tried.
#[derive(Clone, Copy)]
struct World {
    shared: Shared,
    /// The sessions that requests began or moved to, by the number of the request.
    own: [Own; 3],
}

#[derive(Clone, Copy)]
enum Shared {
    Live(Data),
    Destroyed,
    /// It moved to the session that this request began.
    Renewed(usize),
}

#[derive(Clone, Copy)]
enum Own {
    NotBegun,
    Live(Data),
    Destroyed,
    /// Another session, which this request began, took its place.
    Replaced(usize),
}

/// The results of a step that a request makes alone.
#[derive(Clone, Copy, Default)]
struct Seen {
    view: Data,
    took: bool,
    /// The request is a conflict, 409.
    refused: bool,
}

/// The certainty that a step of a request was made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Certainty {
    /// The client or the handler was told so.
    Made,
    /// It may have been made, as a whole.
    Maybe,
    /// The client was told that it was not, or it was not begun.
    NotMade,
}

/// Searches for an order of the requests, one after the other, that gives the same answers and the same stored data. A
/// request comes after those that had ended before its first call.
pub(super) fn order(record: &Record) -> Order {
    let world = World { shared: Shared::Live(record.initial()), own: [Own::NotBegun; 3] };
    let found = |refused_too| Search { record, refused_too }.goes_on(world, [0; 3]);
    if found(false) {
        Order::Serial
    } else if found(true) {
        Order::OfRefused
    } else {
        Order::None
    }
}

struct Search<'a> {
    record: &'a Record,
    /// A request that was refused may have been made.
    refused_too: bool,
}

impl Search<'_> {
    /// Searches for an order of the remaining steps. `made` counts those that each request has made.
    fn goes_on(&self, world: World, made: [usize; 3]) -> bool {
        if self.all_made(made) && self.ends_as_recorded(&world) {
            return true;
        }
        (0..self.record.requests.len()).any(|request| {
            if !self.may_come_next(request, made) {
                return false;
            }
            let operation = self.record.requests[request].operation;
            let (next, seen) = step(&world, operation, made[request], request);
            let sure = self.certainty(request, made[request]) == Certainty::Made;
            let mut made = made;
            made[request] += 1;
            let may_be_left_out = operation == Operation::Revoke && !sure;
            let goes_on = (!sure || self.was_seen(request, seen)) && self.goes_on(next, made);
            goes_on || (may_be_left_out && self.goes_on(world, made))
        })
    }

    fn all_made(&self, made: [usize; 3]) -> bool {
        self.record.requests.iter().enumerate().all(|(request, of)| {
            (made[request]..of.operation.steps()).all(|step| self.certainty(request, step) != Certainty::Made)
        })
    }

    fn may_come_next(&self, request: usize, made: [usize; 3]) -> bool {
        let step = made[request];
        if step >= self.record.requests[request].operation.steps()
            || self.certainty(request, step) == Certainty::NotMade
        {
            return false;
        }
        let Some(begin) = begin(&self.record.requests[request], step) else { return false };
        !self.record.requests.iter().enumerate().any(|(other, of)| {
            other != request
                && (made[other]..of.operation.steps()).any(|step| {
                    self.certainty(other, step) == Certainty::Made && end(of, step).is_some_and(|end| end <= begin)
                })
        })
    }

    fn certainty(&self, request: usize, step: usize) -> Certainty {
        let request = &self.record.requests[request];
        let replaces = request.operation == Operation::Replace;
        if request.succeeded() || (step == 0 && request.answer.saved) {
            Certainty::Made
        } else if request.operation == Operation::Revoke {
            // Any of the sessions may have ended.
            Certainty::Maybe
        } else if step == 1 && !replaces && !request.answer.went_on {
            Certainty::NotMade
        } else if request.outcome_unknown || self.refused_too || (step == 0 && replaces) {
            // A logout stands even if the new session could not be stored.
            Certainty::Maybe
        } else {
            Certainty::NotMade
        }
    }

    /// Returns `true` if these are the results of the request.
    fn was_seen(&self, request: usize, seen: Seen) -> bool {
        let request = &self.record.requests[request];
        let same_view = !request.operation.only_reads() || request.answer.view == Some(seen.view);
        !seen.refused && same_view && request.answer.took == seen.took
    }

    fn ends_as_recorded(&self, world: &World) -> bool {
        let shared = match world.shared {
            Shared::Live(data) => data,
            Shared::Destroyed | Shared::Renewed(_) => Data::default(),
        };
        shared == self.record.shared.unwrap_or_default()
            && (0..self.record.requests.len()).all(|request| self.owns_as_recorded(request, world.own[request]))
    }

    /// Compares the session that a request began or moved to. A client that was told so must have got its cookie.
    fn owns_as_recorded(&self, number: usize, own: Own) -> bool {
        let expected = match own {
            Own::Live(data) => data,
            Own::NotBegun | Own::Destroyed | Own::Replaced(_) => Data::default(),
        };
        let request = &self.record.requests[number];
        let has_cookie = request.cookie_key().and_then(|key| self.record.creator(key)) == Some(number);
        let is_sure = request.fault.is_none() && request.operation != Operation::GiveUp;
        if !is_sure && !has_cookie && !request.succeeded() {
            // No client can reach such a session. It expires.
            return true;
        }
        let in_reach = |key: &str| is_sure || request.cookie_key() == Some(key);
        let mut stored = self.record.others.iter().filter(|other| other.by == number && in_reach(&other.key));
        let same_data = stored.next().and_then(|other| other.data).unwrap_or_default() == expected;
        let begun = !matches!(own, Own::NotBegun);
        same_data && stored.next().is_none() && (has_cookie || !begun || !request.succeeded())
    }
}

/// The position from which on a step may have been made.
fn begin(request: &Request, step: usize) -> Option<usize> {
    match step {
        0 => request.began_at,
        _ => request.saved_at.or(request.began_at),
    }
}

/// The position before which a step was made.
fn end(request: &Request, step: usize) -> Option<usize> {
    match step {
        0 => request.saved_at.or(request.ended_at),
        _ => request.ended_at,
    }
}

/// Makes one step of a request that runs alone.
fn step(world: &World, operation: Operation, step: usize, me: usize) -> (World, Seen) {
    let mut next = *world;
    let mut seen = Seen::default();
    match (operation, world.own[me], world.shared) {
        (Operation::Destroy, ..) => next.remove(None),
        (Operation::Revoke, ..) => next.revoke(step),
        (Operation::Replace, ..) if step == 0 => next.remove(Some(me)),
        // A logout has followed the session to the one that was to take its place.
        (Operation::Replace, Own::Destroyed | Own::Replaced(_), _) => seen.refused = true,
        (Operation::Replace, ..) => next.begin(operation, me),
        // A save has begun it.
        (_, Own::Live(data), _) => next.own[me] = Own::Live(changed(operation, me, data)),
        (_, _, Shared::Live(data)) => {
            seen.view = data;
            seen.took = operation == Operation::Take && data.get(Key::Token).is_some();
            let data = changed(operation, me, data);
            // An empty session has nothing that a new id would protect.
            if operation.renews() && !data.is_empty() {
                (next.shared, next.own[me]) = (Shared::Renewed(me), Own::Live(data));
            } else {
                next.shared = Shared::Live(data);
            }
        }
        (Operation::Login | Operation::LoginThenFail | Operation::SignIn, _, Shared::Renewed(_))
        | (_, _, Shared::Destroyed) => next.begin(operation, me),
        (_, _, Shared::Renewed(_)) => seen.refused = !changed(operation, me, Data::default()).is_empty(),
    }
    (next, seen)
}

impl World {
    /// Begins a session of a request, if the operation inserts data.
    fn begin(&mut self, operation: Operation, me: usize) {
        let data = changed(operation, me, Data::default());
        if !data.is_empty() {
            self.own[me] = Own::Live(data);
        }
    }

    /// Removes one session if a user has signed in to it: the shared one, or that of a request.
    fn revoke(&mut self, step: usize) {
        let is_signed_in = |data: Data| data.get(Key::SignedIn).is_some();
        match (step.checked_sub(1), self.shared) {
            (None, Shared::Live(data)) if is_signed_in(data) => self.shared = Shared::Destroyed,
            (None, _) => {}
            (Some(request), _) => {
                if matches!(self.own[request], Own::Live(data) if is_signed_in(data)) {
                    self.own[request] = Own::Destroyed;
                }
            }
        }
    }

    /// Removes the shared session, or the last one that took its place. It leaves the number of the request whose
    /// session takes its place now, if there is one.
    fn remove(&mut self, successor: Option<usize>) {
        let mut place = match self.shared {
            Shared::Live(_) => {
                self.shared = successor.map_or(Shared::Destroyed, Shared::Renewed);
                return;
            }
            Shared::Destroyed => return,
            Shared::Renewed(by) => by,
        };
        while let Own::Replaced(by) = self.own[place] {
            place = by;
        }
        if !matches!(self.own[place], Own::Destroyed) {
            self.own[place] = successor.map_or(Own::Destroyed, Own::Replaced);
        }
    }
}

/// Returns the data after a step of an operation.
fn changed(operation: Operation, me: usize, data: Data) -> Data {
    let number = i8::try_from(me).expect("three requests at most");
    match operation {
        Operation::Insert => data.with(Key::Last, number).with(Key::Own(me), number),
        Operation::Update | Operation::GiveUp | Operation::Reload => data.incremented(),
        Operation::SaveThenMore | Operation::SaveThenWait => data.incremented(),
        Operation::RemoveLast => Key::INITIAL.into_iter().fold(data, Data::without),
        Operation::Clear => Data::default(),
        Operation::Take => data.without(Key::Token),
        Operation::Login | Operation::LoginThenFail | Operation::Replace => data.with(Key::User, number),
        Operation::SignIn => data.with(Key::User, number).signed_in(true),
        Operation::Read | Operation::SlowRead | Operation::Touch => data,
        Operation::Renew | Operation::Destroy | Operation::Revoke | Operation::Fail => data,
    }
}
