//! The order of the calls of a run, and its fault.

use std::cell::RefCell;

use session_core::{Applied, BackendError, BackendErrorKind};

use super::api::Visitor;
use super::call::Call;
use super::choices::Choices;
use super::gate::{Gate, Waiting};
use super::program::Operation;
use super::record::{Answer, Cookie, Event, Fault, Record, Request, Trace};
use super::stores::{Kind, Mistake, Store};
use super::task::Task;

/// A run on its way.
pub(super) struct Schedule<'a> {
    kind: Kind,
    gate: &'a Gate,
    store: Store,
    tasks: Vec<Task<'a>>,
    answers: &'a [RefCell<Answer>],
    held: Vec<Held>,
    /// The call that is applied after it was given up.
    late: Option<Late>,
    /// The number of events so far.
    position: usize,
    /// The request whose read was the last event, if it was one.
    last_reader: Option<usize>,
    /// A call may still meet a fault.
    may_fail: bool,
    record: Record,
}

/// A call at the gate.
struct Held {
    waiting: Waiting,
    since: usize,
    /// It is decided that the call meets no fault that leaves the store as it is.
    passed: bool,
}

struct Late {
    request: usize,
    call: Call,
    since: usize,
}

/// A way in which a run can go on.
#[derive(Clone, Copy)]
enum Next {
    /// The store applies the call at this place of those held.
    Apply(usize),
    ApplyLate,
}

impl<'a> Schedule<'a> {
    pub(super) fn new(
        kind: Kind,
        gate: &'a Gate,
        store: Store,
        tasks: Vec<Task<'a>>,
        answers: &'a [RefCell<Answer>],
        program: &[Operation],
        may_fail: bool,
    ) -> Self {
        let request = |(me, operation): (usize, &Operation)| {
            Request::new(*operation, kind.comes_foreign(me) || operation.refresh_is_due())
        };
        let requests = program.iter().enumerate().map(request).collect();
        let record = Record { requests, ..Record::default() };
        let record = Record { trace: Trace::beginning_with(record.initial()), ..record };
        Self {
            kind,
            gate,
            store,
            tasks,
            answers,
            held: Vec::new(),
            late: None,
            position: 0,
            last_reader: None,
            may_fail,
            record,
        }
    }

    /// Runs until all requests have ended. Returns `false` if the run was cut short.
    pub(super) fn run(&mut self, choices: &mut Choices) -> bool {
        loop {
            self.poll();
            if self.meet_fault(choices) {
                continue;
            }
            let (options, skipped) = self.options();
            if options.is_empty() {
                if skipped {
                    return false;
                }
                break;
            }
            match options[choices.pick(options.len())] {
                Next::Apply(at) => self.apply(at, choices),
                Next::ApplyLate => self.apply_late(),
            }
        }
        if self.late.as_ref().is_some_and(|late| late.since < self.position) && choices.pick(2) == 1 {
            self.apply_late();
        }
        self.record.stuck = (0..self.tasks.len()).filter(|request| self.tasks[*request].is_open()).collect();
        true
    }

    pub(super) fn into_record(self) -> (Record, Store) {
        (self.record, self.store)
    }

    /// Lets all requests go on, until each of them waits for the store or for another one.
    fn poll(&mut self) {
        let mut progress = true;
        while std::mem::take(&mut progress) {
            for request in 0..self.tasks.len() {
                self.gate.polling(request);
                let Some(outcome) = self.tasks[request].poll() else { continue };
                progress = true;
                let calls = self.gate.take_calls().into_iter();
                self.held.extend(calls.map(|waiting| Held { waiting, since: self.position, passed: false }));
                if self.record.requests[request].saved_at.is_none() && self.answers[request].borrow().saved {
                    self.record.requests[request].saved_at = Some(self.position);
                }
                if outcome.is_ready() {
                    // After an error, the library gives up the calls that it made beside the one that failed.
                    let given_up: Vec<_> = self.held.extract_if(.., |held| held.waiting.request == request).collect();
                    self.end(request);
                    if self.late.is_none() && self.record.requests[request].operation == Operation::GiveUp {
                        let write = given_up.into_iter().map(|held| held.waiting.call).find(Call::writes);
                        let since = self.position.saturating_sub(1);
                        self.late = write.map(|call| Late { request, call, since });
                    }
                }
            }
        }
    }

    fn end(&mut self, request: usize) {
        let answer = self.answers[request].borrow();
        let ended = &mut self.record.requests[request];
        ended.ended_at = Some(self.position);
        if let Some(Cookie::Session(key)) = answer.end.as_ref().map(|end| &end.cookie) {
            ended.cookie_was_live = self.store.peek(key).is_some();
        }
        self.record.answered.push(request);
    }

    /// Decides if a new call meets a fault that leaves the store as it is. Such a fault has no place in the order of
    /// the calls, so it is met at once. Returns `true` if a call has met one.
    fn meet_fault(&mut self, choices: &mut Choices) -> bool {
        for at in 0..self.held.len() {
            if std::mem::replace(&mut self.held[at].passed, true) || !self.may_fail {
                continue;
            }
            let faults: &[Fault] = match &self.held[at].waiting.call {
                Call::Turn => &[],
                call if call.only_reads() => &[Fault::Error, Fault::DroppedBefore, Fault::LostReply],
                // A plain store promises not to apply a call after it was given up.
                _ if self.kind == Kind::Plain => &[Fault::Error, Fault::DroppedBefore],
                // An entry that comes late names no session.
                Call::Enter { .. } => &[Fault::Error, Fault::DroppedBefore],
                _ => &[Fault::Error, Fault::DroppedBefore, Fault::Late],
            };
            if let Some(fault) = choices.pick_fault(faults) {
                let held = self.held.remove(at);
                self.fail(held.waiting, fault);
                return true;
            }
        }
        false
    }

    /// Returns how the run can go on, and `true` if some ways were left out.
    fn options(&self) -> (Vec<Next>, bool) {
        let mut options = Vec::new();
        let mut skipped = false;
        for (at, held) in self.held.iter().enumerate() {
            // Two reads one after the other can change places. Only the order of the requests' numbers is run.
            let swapped = held.waiting.call.only_reads()
                && held.since < self.position
                && self.last_reader.is_some_and(|last| held.waiting.request < last);
            if swapped {
                skipped = true;
                continue;
            }
            options.push(Next::Apply(at));
        }
        // A late call that is applied at once would be a lost reply.
        if !self.held.is_empty() && self.late.as_ref().is_some_and(|late| late.since < self.position) {
            options.push(Next::ApplyLate);
        }
        (options, skipped)
    }

    /// Applies a held call. Its reply arrives, unless it meets a fault.
    fn apply(&mut self, at: usize, choices: &mut Choices) {
        let waiting = self.held.remove(at).waiting;
        let reply = self.store.apply(&waiting.call).expect("the stores never fail by themselves");
        self.record.trace.note(Visitor::get(), waiting.request, self.position, &waiting.call, &reply);
        self.last_reader = waiting.call.only_reads().then_some(waiting.request);
        self.record.requests[waiting.request].began_at.get_or_insert(self.position);
        self.position += 1;
        let faults: &[Fault] = match &waiting.call {
            call if self.may_fail && call.writes() => &[Fault::LostReply, Fault::DroppedAfter],
            _ => &[],
        };
        if let Some(fault) = choices.pick_fault(faults) {
            self.fail(waiting, fault);
            return;
        }
        self.log(&waiting, None);
        self.gate.answer(&waiting, Ok(reply));
        self.tasks[waiting.request].wake();
    }

    fn apply_late(&mut self) {
        let Some(late) = self.late.take() else { return };
        let reply = self.store.apply(&late.call).expect("the stores never fail by themselves");
        self.record.trace.note(Visitor::get(), late.request, self.position, &late.call, &reply);
        self.record.log.push(Event { request: late.request, call: "late call applied", fault: None });
        self.last_reader = None;
        self.position += 1;
    }

    /// Lets a call meet a fault.
    fn fail(&mut self, waiting: Waiting, fault: Fault) {
        self.may_fail = false;
        self.log(&waiting, Some(fault));
        let request = &mut self.record.requests[waiting.request];
        request.fault = Some(fault);
        request.began_at.get_or_insert(self.position);
        let is_entry = matches!(waiting.call, Call::Enter { .. });
        request.outcome_unknown |=
            !waiting.call.only_reads() && !is_entry && !matches!(fault, Fault::Error | Fault::DroppedBefore);
        // A logout removes the session of the other format in a call of its own.
        request.outcome_unknown |= self.kind.foreign().is_some() && request.operation == Operation::Destroy;
        let (kind, applied) = match fault {
            Fault::DroppedBefore | Fault::DroppedAfter => {
                self.tasks[waiting.request].drop_request();
                self.held.retain(|held| held.waiting.request != waiting.request);
                return;
            }
            Fault::Error => (BackendErrorKind::Unavailable, Applied::No),
            Fault::Late if self.kind == Kind::Wrong(Mistake::LateIsNever) => (BackendErrorKind::Timeout, Applied::No),
            // The write of its session has not been sent yet.
            Fault::LostReply if is_entry => (BackendErrorKind::Timeout, Applied::No),
            Fault::LostReply | Fault::Late => (BackendErrorKind::Timeout, Applied::Maybe),
        };
        self.gate.answer(&waiting, Err(BackendError::new(kind, applied)));
        self.tasks[waiting.request].wake();
        if fault == Fault::Late {
            self.late = Some(Late { request: waiting.request, call: waiting.call, since: self.position });
        }
    }

    fn log(&mut self, waiting: &Waiting, fault: Option<Fault>) {
        self.record.log.push(Event { request: waiting.request, call: waiting.call.name(), fault });
    }
}
