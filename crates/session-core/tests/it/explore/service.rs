//! The service that requests go to, and one run of a program on it.

use std::cell::RefCell;
use std::sync::Arc;

use session_core::SessionManager;

use super::api::{self, Visitor};
use super::choices::Choices;
use super::data::{Data, Key};
use super::gate::Gate;
use super::program::{Operation, begins_signed_in};
use super::record::{Answer, Other, Record};
use super::schedule::Schedule;
use super::serial;
use super::stores::{Foreign, Kind, Store};
use super::task::Task;

/// The session managers on one kind of store.
pub(super) struct Service {
    kind: Kind,
    gate: Arc<Gate>,
    /// The processes of the service. The requests are spread over them.
    managers: Vec<SessionManager>,
}

/// The key of a session that no request has a cookie of.
const OF_ANOTHER: &str = "session:another-visitor-0000000";

impl Service {
    pub(super) fn new(kind: Kind) -> Self {
        let gate = Arc::new(Gate::new(kind.index()));
        let managers = (0..kind.processes()).map(|_| api::manager(kind, gate.clone())).collect();
        Self { kind, managers, gate }
    }

    /// Makes one run of a program.
    ///
    /// Returns `None` if the run was cut short, because another run differs from it only in the order of two reads.
    pub(super) fn run(&mut self, program: &[Operation], may_fail: bool, choices: &mut Choices) -> Option<Record> {
        self.gate.reset();
        if self.kind == Kind::Plain {
            // Its manager keeps the markers, which must not last from run to run.
            self.managers = vec![api::manager(self.kind, self.gate.clone())];
        }
        let Visitor { key: shared, foreign_key, .. } = Visitor::get();
        let initial = Visitor::get().session(begins_signed_in(program));
        let mut sessions = vec![(OF_ANOTHER, Data::of_another().to_map())];
        if self.kind.foreign().is_some() {
            sessions.push((foreign_key, initial.clone()));
        }
        if matches!(self.kind.foreign(), None | Some(Foreign::HalfTaken)) {
            sessions.push((shared, initial));
        }
        let store = Store::holding(self.kind, &sessions);
        let answers: Vec<_> = program.iter().map(|_| RefCell::<Answer>::default()).collect();
        let tasks = program.iter().zip(&answers).enumerate().map(|(me, (operation, answer))| {
            let manager = &self.managers[me % self.managers.len()];
            Task::new(api::serve(manager, &self.gate, self.kind, *operation, me, answer))
        });
        let mut schedule = Schedule::new(self.kind, &self.gate, store, tasks.collect(), &answers, program, may_fail);
        if !schedule.run(choices) {
            return None;
        }
        let (mut record, store) = schedule.into_record();
        for (request, answer) in record.requests.iter_mut().zip(answers) {
            request.answer = answer.into_inner();
        }
        // A session of another format lives until it, or the one that has taken it over, is removed.
        let untouched = || peek(&store, foreign_key).filter(|_| record.departure().is_none());
        record.shared = peek(&store, shared).or_else(untouched);
        record.of_another = peek(&store, OF_ANOTHER);
        record.others = std::mem::take(&mut record.trace.created)
            .into_iter()
            .map(|(key, by)| Other { data: peek(&store, &key), key, by })
            .collect();
        let signed_in = |data: Option<Data>| data.and_then(|data| data.get(Key::SignedIn)).is_some();
        let unlisted = |key: &str, data| self.kind.has_index() && signed_in(data) && !store.lists(key);
        record.unlisted =
            unlisted(shared, record.shared) || record.others.iter().any(|other| unlisted(&other.key, other.data));
        record.order = serial::order(&record);
        Some(record)
    }
}

fn peek(store: &Store, key: &str) -> Option<Data> {
    store.peek(key).as_ref().map(Data::of)
}
