//! A watched backend does what its faults prescribe.

use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use session_core::{
    Applied, AtomicBackend, BackendError, BackendErrorKind, Create, ISessionBackend, MemoryBackend, Remove, Rotate,
    SessionMap, WriteOutcome,
};
use session_testkit::{Fault, Operation, Probe, SimpleMemory, Watched};
use tokio::time::{Instant, timeout};

const LONG: Duration = Duration::from_secs(3600);

fn watched() -> (Probe, MemoryBackend, Watched<MemoryBackend>) {
    let (probe, memory) = (Probe::new(), MemoryBackend::new());
    (probe.clone(), memory.clone(), probe.watch(memory))
}

async fn create(backend: &Watched<MemoryBackend>) -> Result<WriteOutcome, BackendError> {
    backend.create(Create::new("key", &SessionMap::new(), LONG)).await
}

async fn is_created(memory: &MemoryBackend) -> bool {
    memory.fetch("key").await.is_ok_and(|found| found.is_some())
}

#[tokio::test]
async fn a_call_is_applied_and_answered_as_its_fault_says() {
    for (fault, kind, applied, carried_out) in [
        (Fault::Down, BackendErrorKind::Unavailable, Applied::No, false),
        (Fault::LostRequest, BackendErrorKind::Unavailable, Applied::Maybe, false),
        (Fault::LostReply, BackendErrorKind::Unavailable, Applied::Maybe, true),
        (Fault::Corrupt, BackendErrorKind::Corrupt, Applied::No, false),
    ] {
        let (probe, memory, backend) = watched();
        probe.fail(Operation::Create, fault.clone());
        let error = create(&backend).await.unwrap_err();
        assert_eq!((error.kind(), error.applied()), (kind, applied), "{fault:?}");
        assert_eq!(is_created(&memory).await, carried_out, "{fault:?}");
        probe.heal();
        assert!(create(&backend).await.is_ok(), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_returns_is_applied_or_not() {
    for (fault, carried_out) in [(Fault::Hangs, false), (Fault::NeverReplies, true)] {
        let (probe, memory, backend) = watched();
        probe.fail(Operation::All, fault);
        assert!(timeout(LONG, create(&backend)).await.is_err());
        assert_eq!(is_created(&memory).await, carried_out);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_takes_its_time() {
    let (probe, memory, backend) = watched();
    probe.fail(Operation::Create, Fault::Slow(LONG));
    let started = Instant::now();
    create(&backend).await.unwrap();
    assert!(started.elapsed() >= LONG && is_created(&memory).await);
}

#[tokio::test]
async fn of_calls_that_flap_every_other_one_is_refused() {
    let (probe, _, backend) = watched();
    probe.fail(Operation::Create, Fault::Flapping);
    for refused in [true, false, true, false] {
        assert_eq!(create(&backend).await.is_err(), refused);
    }
}

#[tokio::test]
async fn another_writer_can_be_faster() {
    let (probe, memory, backend) = watched();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (other, log) = (memory.clone(), seen.clone());
    probe.fail(Operation::Create, Fault::Overtaken(Arc::new(move || log.lock().unwrap().push(other.len()))));
    create(&backend).await.unwrap();
    assert_eq!((*seen.lock().unwrap()).as_slice(), [0], "before anything was stored");
    assert!(is_created(&memory).await);
}

#[tokio::test]
async fn a_key_in_use_is_a_conflict_of_creations_only() {
    let (probe, memory, backend) = watched();
    probe.fail(Operation::All, Fault::KeyInUse);
    assert!(matches!(create(&backend).await, Ok(WriteOutcome::Conflict(None))));
    assert!(!is_created(&memory).await);
    assert!(matches!(backend.fetch("key").await, Ok(None)));
    assert_eq!(probe.calls(), [Operation::Create, Operation::Fetch]);
}

#[tokio::test]
async fn a_rotation_that_stops_half_way_leaves_both_sessions() {
    let (probe, memory, backend) = watched();
    create(&backend).await.unwrap();
    let stored = memory.fetch("key").await.unwrap().unwrap();
    probe.fail(Operation::Rotate, Fault::HalfWay);
    let rotation = Rotate::new("key", "new", &stored.session, LONG, &stored.version);
    assert!(backend.rotate(rotation).await.unwrap_err().may_have_applied());
    for key in ["key", "new"] {
        assert!(memory.fetch(key).await.unwrap().is_some(), "{key}");
    }
    assert_eq!(probe.calls(), [Operation::Create, Operation::Rotate]);
}

#[tokio::test(start_paused = true)]
async fn several_faults_of_a_call_act_in_order() {
    let (probe, memory, backend) = watched();
    probe.fail(Operation::Create, Fault::Slow(LONG));
    probe.fail(Operation::All, Fault::LostReply);
    let started = Instant::now();
    assert!(create(&backend).await.is_err());
    assert!(started.elapsed() >= LONG && is_created(&memory).await);
}

#[tokio::test]
async fn calls_are_recorded_and_only_those_of_the_given_operation_fail() {
    let (probe, _, backend) = watched();
    probe.fail(Operation::Fetch, Fault::Down);
    create(&backend).await.unwrap();
    assert!(backend.fetch("key").await.is_err());
    backend.remove(Remove::new("key")).await.unwrap();
    assert_eq!(probe.clone().calls(), [Operation::Create, Operation::Fetch, Operation::Remove]);
    assert!(probe.calls().is_empty(), "they were told already");
}

#[tokio::test]
async fn a_backend_of_three_methods_is_watched_as_well() {
    let probe = Probe::new();
    let backend = probe.watch_simple(SimpleMemory::new());
    backend.set("key", &SessionMap::new(), LONG).await.unwrap();
    probe.fail(Operation::Get, Fault::Down);
    assert!(backend.get("key").await.is_err());
    backend.delete("key").await.unwrap();
    assert_eq!(probe.calls(), [Operation::Set, Operation::Get, Operation::Delete]);
}

#[test]
fn a_backend_that_answers_at_once_does_so_while_all_is_well() {
    let (probe, _, backend) = watched();
    assert!(backend.answers_at_once());
    let poll = |mut fetch: session_core::StoreFuture<'_, _>| {
        std::pin::Pin::new(&mut fetch).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    };
    assert!(poll(backend.fetch("key")));
    probe.fail(Operation::Create, Fault::Down);
    assert!(!backend.answers_at_once() && backend.call_timeout() == Some(Duration::ZERO));
    probe.fail(Operation::Create, Fault::Hangs);
    assert_eq!(backend.call_timeout(), None, "it may wait for ever");
}
