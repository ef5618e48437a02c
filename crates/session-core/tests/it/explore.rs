//! Two or three requests of one session, run in every order of their store calls, with and without a fault.
//!
//! # How a run is made
//!
//! A [`Program`] names the [`Operation`]s of its requests. All of them begin with a cookie of one session. [`Service`]
//! opens, handles and commits them through the public API alone ([`api`]). Its store is the [`gate`]: each call waits
//! there. The [`schedule`] lets one call through at a time, until all requests have ended. It asks [`Choices`] which
//! call comes next, and which fault it meets. A walk makes the same run again with the last decision changed, until no
//! decision is left.
//!
//! At most one call of a run meets a fault: the store refuses it; its reply is lost; its request is dropped, before or
//! after the call is applied; or the library gives it up, and the store applies it at any later time, or never. A handler
//! may give up a write, too.
//!
//! A session of another format is taken over by the first request that comes with its cookie. Here it is in the same
//! store, under a key of its own. A request that takes it over, and one that has its own cookie already, see one session.
//!
//! A revocation comes from outside of the session. It lists the sessions of its owner, and ends them. The model store
//! writes an entry of its index in a call before that of the session, so that a listing may come in between.
//!
//! On the memory backend, each request is served by a process of its own, with its own locks. There, a request that is
//! dropped is also a process that restarts.
//!
//! Two runs that differ only in the order of two adjacent reads count as one. Only one of them is made.
//!
//! # How a run is judged
//!
//! A [`Record`](record::Record) has the answers, the stored data and the life of each session. Each rule in [`checks`]
//! holds for every record. The rule that explains most is in [`serial`]: some order in which the requests run one after
//! the other gives the same answers and the same data. There, each operation is a pure function of the sessions.
//!
//! # Why an explorer of its own
//!
//! Requests meet in the store, and in few locks of the library. So the order of the store calls is all that matters.
//! `loom` and `shuttle` order each access to an atomic or a lock instead. They need all locks replaced by their own,
//! those of `tokio` and `futures` too, and know neither lost replies nor dropped requests. `stateright` checks a model
//! that is written for it, and not this code. [`Choices`] and [`schedule`] need no clock, no thread and no dependency.

mod api;
mod call;
mod checks;
mod choices;
mod data;
mod gate;
mod model_store;
mod program;
mod record;
mod report;
mod schedule;
mod serial;
mod service;
mod stores;
mod task;
mod trace;

use std::collections::HashSet;
use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use session_testkit::conformance::{Candidate, check};

use choices::Choices;
use model_store::ModelStore;
use program::{Operation, Program, foreign_pairs, pairs, triples};
use report::Report;
use service::Service;
use stores::{Foreign, Kind, Mistake};

/// The number of runs that are made of a program.
#[derive(Clone, Copy)]
enum Extent {
    Every,
    /// This many are tried. A run that is made twice counts once.
    Sample(usize),
}

/// The runs of one program on one kind of store.
struct Exploration {
    kind: Kind,
    program: Program,
    may_fail: bool,
    extent: Extent,
}

impl Exploration {
    /// Makes the runs, and judges them.
    fn add_to(&self, report: &mut Report, service: &mut Service) {
        let Self { kind, program, may_fail, extent } = self;
        match *extent {
            Extent::Every => {
                let mut choices = Choices::every();
                loop {
                    let record = service.run(program, *may_fail, &mut choices);
                    if let Some(record) = record.filter(|_| !choices.lost()) {
                        report.add(*kind, program, &record);
                    }
                    if !choices.advance() {
                        break;
                    }
                }
            }
            Extent::Sample(runs) => {
                let mut choices = Choices::sample();
                let mut seen = HashSet::new();
                for _ in 0..runs {
                    let record = service.run(program, *may_fail, &mut choices);
                    // Runs without a fault have an exploration of their own.
                    let record = record.filter(|record| record.fault().is_some() == *may_fail);
                    if let Some(record) = record.filter(|_| seen.insert(choices.path().to_vec())) {
                        report.add(*kind, program, &record);
                    }
                    choices.advance();
                }
            }
        }
    }
}

/// Returns all explorations of a kind of store: every run of the pairs, every run without a fault of the triples on the
/// model store, and samples of the others. Sampled are also the runs with a fault in which a session of another format
/// stays, because few of their calls differ. With `EXPLORE=all` in the environment, nothing is sampled; that takes hours.
fn explorations(kind: Kind) -> Vec<Exploration> {
    let all = std::env::var_os("EXPLORE").is_some_and(|value| value == "all");
    let sample = if all { Extent::Every } else { Extent::Sample(30) };
    let without_fault = if kind == Kind::Model { Extent::Every } else { sample };
    let explore = move |program, may_fail, extent| Exploration { kind, program, may_fail, extent };
    if let Kind::Foreign(foreign) = kind {
        let with_fault = if foreign == Foreign::Kept { sample } else { Extent::Every };
        let both = |pair: Program| [explore(pair.clone(), false, Extent::Every), explore(pair, true, with_fault)];
        return foreign_pairs(foreign == Foreign::HalfTaken).into_iter().flat_map(both).collect();
    }
    let pairs = pairs(kind.has_index()).into_iter().map(move |pair| explore(pair, true, Extent::Every));
    let triples = triples(kind.has_index()).into_iter();
    let triples =
        triples.flat_map(move |triple| [explore(triple.clone(), false, without_fault), explore(triple, true, sample)]);
    pairs.chain(triples).collect()
}

/// Explores on all processors. A thread that has finished an exploration takes the next one.
fn explore_all() -> Report {
    let explorations: Vec<_> = KINDS.into_iter().flat_map(explorations).collect();
    let next = AtomicUsize::new(0);
    let explore = || {
        let mut report = Report::default();
        let mut services = KINDS.map(|kind| (kind, Service::new(kind)));
        while let Some(exploration) = explorations.get(next.fetch_add(1, Ordering::Relaxed)) {
            let service = services.iter_mut().find(|(kind, _)| *kind == exploration.kind);
            exploration.add_to(&mut report, &mut service.expect("each kind has a service").1);
        }
        report
    };
    let mut report = Report::default();
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(explore)).collect();
        report.extend(threads.into_iter().map(|thread| thread.join().expect("no exploration panics")));
    });
    report
}

/// The stores without a mistake.
const KINDS: [Kind; 6] = [
    Kind::Model,
    Kind::Memory,
    Kind::Plain,
    Kind::Foreign(Foreign::Untouched),
    Kind::Foreign(Foreign::Kept),
    Kind::Foreign(Foreign::HalfTaken),
];

#[test]
fn requests_keep_the_promises_in_every_order_of_their_store_calls() {
    let begin = Instant::now();
    let report = explore_all();
    // Written past the test harness, which hides the output of tests that pass.
    let line = format!("explored {} distinct runs in {:?}\n", report.runs, begin.elapsed());
    std::io::stderr().write_all(line.as_bytes()).expect("standard error takes a line");
    assert!(report.runs >= 100_000, "only {} distinct runs", report.runs);
    assert!(report.violations.is_empty(), "{report}");
}

/// Asserts that a program keeps all rules, and that it breaks this one after a mistake.
fn assert_noticed(mistake: Mistake, program: [Operation; 2], rule: &str) {
    let wrong = Kind::Wrong(mistake);
    let [right, wrong] = [wrong.corrected(), wrong].map(|kind| {
        let mut report = Report::default();
        let exploration = Exploration { kind, program: program.to_vec(), may_fail: true, extent: Extent::Every };
        exploration.add_to(&mut report, &mut Service::new(kind));
        report
    });
    assert!(right.violations.is_empty(), "{right}");
    assert!(wrong.violations.keys().any(|violation| violation.check == rule), "{wrong}");
}

#[test]
fn a_marker_that_is_not_asked_for_is_noticed() {
    let rule = "the browser ends with the newest login";
    assert_noticed(Mistake::NoMarker, [Operation::Insert, Operation::Renew], rule);
}

#[test]
fn a_refresh_without_the_stores_word_is_noticed() {
    let rule = "a cookie leads to a live session";
    assert_noticed(Mistake::BlindTouch, [Operation::Destroy, Operation::SlowRead], rule);
}

#[test]
fn a_write_that_is_repeated_though_it_may_still_land_is_noticed() {
    let rule = "answers and data are those of a serial order";
    assert_noticed(Mistake::LateIsNever, [Operation::Update, Operation::SaveThenMore], rule);
}

#[test]
fn a_write_without_a_comparison_is_noticed() {
    let rule = "answers and data are those of a serial order";
    assert_noticed(Mistake::BlindReplace, [Operation::Insert, Operation::Update], rule);
    assert_noticed(Mistake::BlindReplace, [Operation::Take, Operation::Take], "a value is taken once");
}

#[test]
fn a_session_that_lives_on_under_its_old_id_is_noticed() {
    let rule = "the session lives under one id";
    assert_noticed(Mistake::RotateCopies, [Operation::Read, Operation::Renew], rule);
}

#[test]
fn an_entry_of_the_index_that_is_written_after_its_session_is_noticed() {
    let rule = "answers and data are those of a serial order";
    assert_noticed(Mistake::EntryLast, [Operation::Revoke, Operation::Renew], rule);
}

#[test]
fn a_revocation_that_leaves_no_marker_where_nothing_is_stored_is_noticed() {
    let rule = "answers and data are those of a serial order";
    assert_noticed(Mistake::NothingUnmarked, [Operation::Revoke, Operation::Renew], rule);
}

#[test]
fn a_session_of_another_format_that_is_removed_first_is_noticed() {
    let rule = "answers and data are those of a serial order";
    assert_noticed(Mistake::ForeignFirst, [Operation::Read, Operation::Update], rule);
}

#[tokio::test]
async fn the_model_store_conforms_but_for_the_time() {
    let candidate = Candidate::atomic(ModelStore::default()).advance_clock(|_| {});
    let report = check(candidate).await;
    assert!(report.failures().all(|case| case.contains("expire")), "{report}");
}
