//! The backend that is watched does what its faults say.

use std::sync::Arc;
use std::time::Duration;

use session_core::{Applied, BackendError, BackendErrorKind, ISessionBackend, MemoryBackend, SessionMap};
use session_testkit::{Fault, Probe};
use tokio::time::{Instant, timeout};

const LONG: Duration = Duration::from_secs(3600);

async fn set(probe: &Probe<MemoryBackend>) -> Result<(), BackendError> {
    probe.set("key", &SessionMap::new(), LONG).await
}

/// Whether a call was carried out.
async fn is_set(probe: &Probe<MemoryBackend>) -> bool {
    probe.inner().get("key").await.is_ok_and(|found| found.is_some())
}

#[tokio::test]
async fn a_call_is_carried_out_and_answered_as_its_fault_says() {
    for (fault, kind, applied, carried_out) in [
        (Fault::Down, BackendErrorKind::Unavailable, Applied::No, false),
        (Fault::LostRequest, BackendErrorKind::Unavailable, Applied::Unknown, false),
        (Fault::LostReply, BackendErrorKind::Unavailable, Applied::Unknown, true),
        (Fault::Corrupt, BackendErrorKind::Corrupt, Applied::No, false),
    ] {
        let probe = Probe::new(MemoryBackend::new());
        probe.fail("set", fault.clone());
        let error = set(&probe).await.unwrap_err();
        assert_eq!((error.kind(), error.applied(), is_set(&probe).await), (kind, applied, carried_out), "{fault:?}");
        probe.heal();
        assert!(set(&probe).await.is_ok(), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_returns_is_carried_out_or_not() {
    for (fault, carried_out) in [(Fault::Hangs, false), (Fault::NeverReplies, true)] {
        let probe = Probe::new(MemoryBackend::new());
        probe.fail("*", fault);
        assert!(timeout(LONG, set(&probe)).await.is_err());
        assert_eq!(is_set(&probe).await, carried_out);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_takes_its_time() {
    let probe = Probe::new(MemoryBackend::new());
    probe.fail("set", Fault::Slow(LONG));
    let started = Instant::now();
    set(&probe).await.unwrap();
    assert!(started.elapsed() >= LONG && is_set(&probe).await);
}

#[tokio::test]
async fn of_calls_that_flap_every_other_one_is_refused() {
    let probe = Probe::new(MemoryBackend::new());
    probe.fail("set", Fault::Flapping);
    for refused in [true, false, true, false] {
        assert_eq!(set(&probe).await.is_err(), refused);
    }
}

#[tokio::test]
async fn somebody_else_can_be_faster() {
    let probe = Probe::new(MemoryBackend::new());
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (other, log) = (probe.clone(), seen.clone());
    probe.fail("set", Fault::Overtaken(Arc::new(move || log.lock().unwrap().push(other.inner().len()))));
    set(&probe).await.unwrap();
    assert_eq!((*seen.lock().unwrap()).as_slice(), [0], "before anything was set");
    assert!(is_set(&probe).await);
}

#[tokio::test]
async fn calls_are_written_down_by_name_and_only_those_that_are_named_fail() {
    let probe = Probe::new(MemoryBackend::new());
    probe.fail("get", Fault::Down);
    set(&probe).await.unwrap();
    assert!(probe.get("key").await.is_err());
    probe.atomic().unwrap().remove("key", None).await.unwrap();
    assert_eq!(probe.clone().calls(), ["set", "get", "remove"]);
    assert!(probe.calls().is_empty(), "they were told already");
    assert!(Probe::plain(MemoryBackend::new()).atomic().is_none());
}
