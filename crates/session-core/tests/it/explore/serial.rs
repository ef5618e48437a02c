//! The meaning of the operations when each request runs alone, and the search for an order that explains a run.

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
}

/// What a request sees of a step that it makes alone.
#[derive(Clone, Copy, Default)]
struct Seen {
    view: Data,
    took: bool,
    /// The request is a conflict, 409.
    refused: bool,
}

/// How sure it is that a step of a request was made.
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
    let world = World { shared: Shared::Live(Data::initial()), own: [Own::NotBegun; 3] };
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
            self.may_come_next(request, made) && {
                let mut next = made;
                next[request] += 1;
                let sure = self.certainty(request, made[request]) == Certainty::Made;
                step(&world, self.record.requests[request].operation, request)
                    .into_iter()
                    .flatten()
                    .any(|(world, seen)| (!sure || self.was_seen(request, seen)) && self.goes_on(world, next))
            }
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
        let saves = request.operation == Operation::SaveThenMore;
        if request.succeeded() || (saves && step == 0 && request.answer.saved) {
            Certainty::Made
        } else if saves && step == 1 && !request.answer.went_on {
            Certainty::NotMade
        } else if request.outcome_unknown || self.refused_too {
            Certainty::Maybe
        } else {
            Certainty::NotMade
        }
    }

    /// Returns `true` if the request has seen the same.
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
            Own::NotBegun | Own::Destroyed => Data::default(),
        };
        let request = &self.record.requests[number];
        let has_cookie = request.cookie_key().and_then(|key| self.record.creator(key)) == Some(number);
        if request.fault.is_some() && !has_cookie && !request.succeeded() {
            // No client can reach such a session. It expires.
            return true;
        }
        let in_reach = |key: &str| request.fault.is_none() || request.cookie_key() == Some(key);
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

/// One step of a request that runs alone: where it leads, and what the request sees. Two ways where both are right.
fn step(world: &World, operation: Operation, me: usize) -> [Option<(World, Seen)>; 2] {
    let mut next = *world;
    let mut seen = Seen::default();
    // After a save that began a session, the request goes on with it.
    if let Own::Live(data) = world.own[me] {
        next.own[me] = Own::Live(changed(operation, me, data));
        return [Some((next, seen)), None];
    }
    let begin = |data: Data| if data.is_empty() { Own::NotBegun } else { Own::Live(data) };
    match world.shared {
        Shared::Live(data) => {
            seen.view = data;
            seen.took = operation == Operation::Take && data.get(Key::Token).is_some();
            match operation {
                Operation::Destroy => next.shared = Shared::Destroyed,
                operation if operation.renews() => {
                    let data = changed(operation, me, data);
                    (next.shared, next.own[me]) = (Shared::Renewed(me), Own::Live(data));
                    // An empty session may stay where it is.
                    return [Some((next, seen)), data.is_empty().then_some((*world, seen))];
                }
                _ => next.shared = Shared::Live(changed(operation, me, data)),
            }
        }
        Shared::Renewed(by) => match operation {
            Operation::Destroy => next.own[by] = Own::Destroyed,
            Operation::Login => next.own[me] = begin(changed(operation, me, Data::default())),
            _ => seen.refused = !changed(operation, me, Data::default()).is_empty(),
        },
        Shared::Destroyed => next.own[me] = begin(changed(operation, me, Data::default())),
    }
    [Some((next, seen)), None]
}

/// The data after a step of an operation.
fn changed(operation: Operation, me: usize, data: Data) -> Data {
    let number = i8::try_from(me).expect("three requests at most");
    match operation {
        Operation::Insert => data.with(Key::Last, number).with(Key::Own(me), number),
        Operation::Update | Operation::SaveThenMore => data.incremented(),
        Operation::RemoveLast => Key::INITIAL.into_iter().fold(data, Data::without),
        Operation::Clear => Data::default(),
        Operation::Take => data.without(Key::Token),
        Operation::Login => data.with(Key::User, number),
        Operation::Read | Operation::SlowRead | Operation::Renew | Operation::Destroy | Operation::Fail => data,
    }
}
