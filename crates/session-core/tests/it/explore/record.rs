//! The record of a run.

use super::data::Data;
use super::program::Operation;

/// One run of a program, up to the stored data.
#[derive(Default)]
pub(super) struct Record {
    pub(super) requests: Vec<Request>,
    /// The requests that were answered, in that order.
    pub(super) answered: Vec<usize>,
    /// The requests that neither ended nor waited for the store.
    pub(super) stuck: Vec<usize>,
    /// The events of the run, in order.
    pub(super) log: Vec<Event>,
    pub(super) trace: Trace,
    /// The shared session as it is stored in the end.
    pub(super) shared: Option<Data>,
    /// The sessions that requests began or moved to, as they are stored in the end.
    pub(super) others: Vec<Other>,
    /// The session of another visitor, as it is stored in the end.
    pub(super) of_another: Option<Data>,
    /// The index of users does not list a stored session of the owner.
    pub(super) unlisted: bool,
    pub(super) order: Order,
}

/// The order of the requests that explains a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    /// Requests that run one after the other give the same answers and the same data.
    Serial,
    /// The run is explained only if a refused request counts as made.
    OfRefused,
    #[default]
    None,
}

/// One request of a run.
pub(super) struct Request {
    pub(super) operation: Operation,
    /// Its cookie is due for a refresh.
    pub(super) refresh_is_due: bool,
    pub(super) answer: Answer,
    /// The position of its first event. Positions count the events of the run.
    pub(super) began_at: Option<usize>,
    pub(super) saved_at: Option<usize>,
    pub(super) ended_at: Option<usize>,
    pub(super) fault: Option<Fault>,
    /// The fault hit a write that was applied, or may have been, or the handler gave a write up.
    pub(super) outcome_unknown: bool,
    /// The session that its cookie names was stored when the request ended.
    pub(super) cookie_was_live: bool,
}

/// The results that a handler and a client have seen.
#[derive(Default)]
pub(super) struct Answer {
    /// The data that the handler found.
    pub(super) view: Option<Data>,
    /// The handler has taken the one-time value.
    pub(super) took: bool,
    /// A save has succeeded.
    pub(super) saved: bool,
    /// The handler has made its changes after the save, or after it gave the save up.
    pub(super) went_on: bool,
    /// The response, unless the request was dropped.
    pub(super) end: Option<End>,
}

/// A response.
pub(super) struct End {
    pub(super) status: u16,
    pub(super) cookie: Cookie,
}

/// The cookie of a response.
#[derive(PartialEq, Eq)]
pub(super) enum Cookie {
    None,
    Removal,
    /// It names the session under this key.
    Session(Box<str>),
}

/// A fault of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// The store refuses the call.
    Error,
    /// The store applies the call, and its reply is lost.
    LostReply,
    /// The request is dropped before the call is applied.
    DroppedBefore,
    /// The request is dropped after the call is applied.
    DroppedAfter,
    /// The store applies the call after the library gave it up, or never.
    Late,
}

/// One event: a call that is applied, or a fault.
pub(super) struct Event {
    pub(super) request: usize,
    pub(super) call: &'static str,
    pub(super) fault: Option<Fault>,
}

/// The life of the sessions in the course of a run.
#[derive(Default)]
pub(super) struct Trace {
    /// Every value that the shared session had.
    pub(super) values: Vec<Data>,
    /// The sessions that were removed or moved.
    pub(super) departures: Vec<Departure>,
    /// The sessions that were stored under a new key, with their first request.
    pub(super) created: Vec<(Box<str>, usize)>,
    /// A session was read or written after it was removed or moved.
    pub(super) revived: bool,
}

/// The end of a session under its key.
pub(super) struct Departure {
    pub(super) key: Box<str>,
    pub(super) by: usize,
    pub(super) at: usize,
    /// The session was stored under another key.
    pub(super) moved: bool,
}

/// A session that a request began or moved to.
pub(super) struct Other {
    pub(super) key: Box<str>,
    pub(super) by: usize,
    /// Its data, if it is stored.
    pub(super) data: Option<Data>,
}

impl Request {
    pub(super) fn new(operation: Operation, refresh_is_due: bool) -> Self {
        Self {
            operation,
            refresh_is_due,
            answer: Answer::default(),
            began_at: None,
            saved_at: None,
            ended_at: None,
            fault: None,
            outcome_unknown: operation == Operation::GiveUp,
            cookie_was_live: false,
        }
    }

    /// Returns `true` if the client was told that all went well.
    pub(super) fn succeeded(&self) -> bool {
        self.status() == Some(200)
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.answer.end.as_ref().map(|end| end.status)
    }

    pub(super) fn cookie(&self) -> &Cookie {
        self.answer.end.as_ref().map_or(&Cookie::None, |end| &end.cookie)
    }

    pub(super) fn cookie_key(&self) -> Option<&str> {
        match self.cookie() {
            Cookie::Session(key) => Some(key),
            _ => None,
        }
    }
}

impl Record {
    /// Returns the shared session as it was stored before the first request.
    pub(super) fn initial(&self) -> Data {
        Data::initial().signed_in(self.requests.iter().any(|request| request.operation == Operation::Revoke))
    }

    /// Returns how the shared session ended under its key, if it did.
    pub(super) fn departure(&self) -> Option<&Departure> {
        self.trace.departures.first()
    }

    /// Returns `true` if the shared session moved to another key, or a session under another key took its place.
    pub(super) fn was_renewed(&self) -> bool {
        let replaces = |by: usize| self.requests[by].operation == Operation::Replace;
        self.departure().is_some_and(|departure| departure.moved || replaces(departure.by))
    }

    /// Returns the request that stored a session under this new key.
    pub(super) fn creator(&self, key: &str) -> Option<usize> {
        self.others.iter().find(|other| *other.key == *key).map(|other| other.by)
    }

    /// Returns the fault of the run, if it has one.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.requests.iter().find_map(|request| request.fault)
    }
}
