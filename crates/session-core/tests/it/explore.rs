//! Two or three requests of one session, run in every order of their store calls, with and without a fault.
//!
//! # How a run is made
//!
//! A [`Program`] names the [`Operation`]s of its requests. All of them begin with a cookie of one session. [`Service`] opens,
//! handles and commits them through the public API alone ([`api`]). Its store is the [`gate`]: each call waits there. The
//! [`schedule`] lets one call through at a time, until all requests have ended. It asks [`Choices`] which call comes next, and
//! which fault it meets. A walk makes the same run again with the last decision changed, until no decision is left.
//!
//! At most one call of a run meets a fault: the store refuses it; its reply is lost; its request is dropped, before or
//! after the call is applied; or the library gives it up, and the store applies it at any later time.
//!
//! Two runs that differ only in the order of two reads, one directly after the other, are the same. One of them is made.
//!
//! # How a run is judged
//!
//! A [`Record`](record::Record) has the answers, the stored data and the life of each session. Each rule in [`checks`] holds
//! of every record. The one that explains most is in [`serial`]: some order in which the requests run one after the other
//! gives the same answers and the same data. There each operation is a pure function of the session.
//!
//! # Why an explorer of its own
//!
//! Requests meet in the store, and in few locks of the library. So the orders of store calls are all that matters.
//! `loom` and `shuttle` order each access to an atomic or a lock instead. They need all locks, those of the client
//! libraries too, replaced by their own, and they know neither lost replies nor dropped requests. `stateright` checks a model that
//! is written for it, and not this code. [`Choices`] and [`schedule`] need no clock, no thread and no dependency.

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
use std::time::Instant;

use choices::Choices;
use program::{Operation, Program, pairs, triples};
use report::Report;
use service::Service;
use stores::{Kind, Mistake};

/// How many runs of a program are made.
#[derive(Clone, Copy)]
enum Extent {
    /// All.
    Every,
    /// So many, or less if they turn out to be the same.
    Sample(usize),
}

/// Makes the runs of some programs on one kind of store, and judges them.
fn explore(kind: Kind, programs: &[Program], may_fail: bool, extent: Extent) -> Report {
    let mut service = Service::new(kind);
    let mut report = Report::default();
    for program in programs {
        match extent {
            Extent::Every => {
                let mut choices = Choices::every();
                loop {
                    let record = service.run(program, may_fail, &mut choices);
                    if let Some(record) = record.filter(|_| !choices.lost()) {
                        report.add(kind, program, &record);
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
                    let record = service.run(program, may_fail, &mut choices);
                    // Without a fault they are in the walk through every run.
                    let record = record.filter(|record| record.fault().is_some() == may_fail);
                    if let Some(record) = record.filter(|_| seen.insert(choices.path().to_vec())) {
                        report.add(kind, program, &record);
                    }
                    choices.advance();
                }
            }
        }
    }
    report
}

/// Explores what is explored in each test run. With `EXPLORE=all` in the environment nothing is left out; that takes an
/// hour.
fn explore_all(kind: Kind) -> Report {
    let sample = |runs| {
        if std::env::var_os("EXPLORE").is_some_and(|value| value == "all") {
            Extent::Every
        } else {
            Extent::Sample(runs)
        }
    };
    let mut report = explore(kind, &pairs(), true, Extent::Every);
    // The calls of a plain store are many.
    let whole = if kind == Kind::Plain { sample(200) } else { Extent::Every };
    report.extend([explore(kind, &triples(), false, whole), explore(kind, &triples(), true, sample(300))]);
    report
}

#[test]
fn requests_keep_the_promises_in_every_order_of_their_store_calls() {
    let begin = Instant::now();
    let mut report = Report::default();
    std::thread::scope(|scope| {
        let threads = [Kind::Model, Kind::Memory, Kind::Plain].map(|kind| scope.spawn(move || explore_all(kind)));
        report.extend(threads.map(|thread| thread.join().expect("no exploration panics")));
    });
    // Past the test harness, which keeps what successful tests print.
    let line = format!("explored {} distinct runs in {:?}\n", report.runs, begin.elapsed());
    std::io::stderr().write_all(line.as_bytes()).expect("standard error takes a line");
    assert!(report.runs >= 100_000, "only {} distinct runs", report.runs);
    assert!(report.violations.is_empty(), "{report}");
}

/// Asserts that a program keeps all rules, and that it breaks this one if the library makes a mistake.
fn assert_noticed(mistake: Mistake, program: [Operation; 2], rule: &str) {
    let program = [program.to_vec()];
    let right = explore(Kind::Model, &program, true, Extent::Every);
    assert!(right.violations.is_empty(), "{right}");
    let wrong = explore(Kind::Wrong(mistake), &program, true, Extent::Every);
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
fn a_write_that_is_made_twice_because_it_may_still_land_is_noticed() {
    let rule = "answers and data are those of a serial order";
    assert_noticed(Mistake::LateIsNever, [Operation::Update, Operation::SaveThenMore], rule);
}
