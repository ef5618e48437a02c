//! The suites accept backends and adapters that keep the rules, and catch those that don't.

mod application;
mod mutants;
mod probe;
mod scenarios;

use std::time::Duration;

use session_core::MemoryBackend;
use session_testkit::conformance::{self, Candidate, Verdict};
use session_testkit::{EpochMemory, SimpleMemory, TestClock};

fn memory() -> (MemoryBackend, TestClock) {
    let clock = TestClock::at(1_700_000_000);
    (MemoryBackend::builder().clock(clock.clone()).build(), clock)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_backend_conforms() {
    let (backend, clock) = memory();
    let report = conformance::check(Candidate::atomic(backend).advance_clock(move |time| clock.advance(time))).await;
    report.assert_passed();
    let passed = report.results().filter(|(_, verdict)| **verdict == Verdict::Passed).count();
    assert_eq!((passed, report.results().count()), (65, 70), "all but the cases of epochs:\n{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_with_epochs_conforms() {
    let clock = TestClock::at(1_700_000_000);
    let backend = EpochMemory::with_clock(clock.clone());
    let report = conformance::check(Candidate::atomic(backend).advance_clock(move |time| clock.advance(time))).await;
    report.assert_passed();
    let skipped = report.results().filter(|(_, verdict)| **verdict == Verdict::Skipped).count();
    assert_eq!(skipped, 17, "the cases of an index and a scan:\n{report}");
}

/// The report names the cases that such a backend skips.
#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_can_not_compare_and_set_conforms_as_such() {
    let clock = TestClock::at(1_700_000_000);
    let backend = SimpleMemory::with_clock(clock.clone());
    let candidate = Candidate::simple(backend).advance_clock(move |time| clock.advance(time));
    let report = conformance::check(candidate).await;
    report.assert_passed();
    assert_eq!(report.results().filter(|(_, verdict)| **verdict == Verdict::Skipped).count(), 49, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_clock_to_advance_the_suite_waits_for_expiry() {
    let started = std::time::Instant::now();
    conformance::check(Candidate::atomic(MemoryBackend::new())).await.assert_passed();
    assert!(started.elapsed() > Duration::from_secs(4), "the suite did not wait for expiry");
}
