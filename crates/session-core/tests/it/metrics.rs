//! The counters and histograms, against the tables of `guide/metrics.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use metrics_util::MetricKind;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use session_core::{MemoryBackend, SessionConfig, SessionManager};
use session_testkit::EpochMemory;

use crate::support::{App, Browser, Fault, NOW, Operation, Probe, SECRET, TestClock, defaults};

const GUIDE: &str = include_str!("../../guide/metrics.md");

/// A recorder for this thread.
struct Recorded {
    snapshotter: Snapshotter,
    _local: metrics::LocalRecorderGuard<'static>,
}

/// A metric with its labels, as `name{label=value, ..}`, and the number of its values.
type Counts = BTreeMap<String, u64>;

impl Recorded {
    fn begin() -> Self {
        let recorder: &'static DebuggingRecorder = Box::leak(Box::default());
        Self { snapshotter: recorder.snapshotter(), _local: metrics::set_default_local_recorder(recorder) }
    }

    /// Returns what was recorded since the last time.
    fn take(&self) -> Counts {
        let mut counts = Counts::new();
        for (key, _, _, value) in self.snapshotter.snapshot().into_vec() {
            let count = match value {
                DebugValue::Counter(count) => count,
                DebugValue::Histogram(values) => values.len() as u64,
                DebugValue::Gauge(_) => panic!("there is no gauge"),
            };
            let kind = if key.kind() == MetricKind::Histogram { "histogram" } else { "counter" };
            let labels: Vec<_> = key.key().labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
            if count > 0 {
                counts.insert(format!("{kind} {}{{{}}}", key.key().name(), labels.join(", ")), count);
            }
        }
        counts
    }
}

/// The cells of the guide's rows that begin with a name in code.
fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    let cells = |line: &'static str| line.trim_matches('|').split(" | ").map(str::trim).collect();
    GUIDE.lines().filter(|line| line.starts_with("| `")).map(cells)
}

/// The words of a cell that are code.
fn code(cell: &str) -> BTreeSet<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The values that the guide names for a label of a metric.
fn documented(metric: &str, label: &str) -> BTreeSet<&'static str> {
    let of = if metric.starts_with("session_store_call") && label == "operation" { "store calls" } else { metric };
    let row = rows().find(|row| code(row[0]).contains(label) && [of, "all"].contains(&row[1].trim_matches('`')));
    code(row.unwrap_or_else(|| panic!("the guide has no row for {label} of {metric}"))[2])
}

/// Splits what [`Recorded::take`] returns: kind, name, labels.
fn parts(key: &str) -> (&str, &str, Vec<(&str, &str)>) {
    let (kind, rest) = key.split_once(' ').expect("it is a key");
    let (name, labels) = rest.trim_end_matches('}').split_once('{').expect("it is a key");
    (kind, name, labels.split(", ").map(|label| label.split_once('=').expect("it is a key")).collect())
}

/// A life with all calls of the store, and with a fault of each kind.
async fn live(app: &App, probe: &Probe) {
    let mut browser = Browser::default();
    app.visit(&mut browser, |session| session.insert("a", 1).expect("memory does not fail")).await;
    app.visit(&mut browser, |session| session.sign_in("ann").expect("memory does not fail")).await;
    app.visit(&mut browser, |session| session.insert("a", 2).expect("memory does not fail")).await;
    app.advance(3 * 24 * 3600);
    app.visit(&mut browser, |_| {}).await;
    app.manager.sessions_of("ann").await.expect("memory does not fail");
    app.manager.count().await.expect("memory does not fail");
    app.manager.scan(None).await.expect("memory does not fail");

    let other = browser.clone();
    app.visit(&mut browser, |session| session.destroy()).await;
    let late = app.open(&other).await;
    late.insert("a", 3).expect("memory does not fail");
    let _ = late.respond(200).await;

    let mut browser = Browser::default();
    app.visit(&mut browser, |session| session.insert("a", 1).expect("memory does not fail")).await;
    for fault in [Fault::Down, Fault::Hangs, Fault::Corrupt] {
        probe.fail(Operation::All, fault);
        let handle = app.handle(&browser);
        let _ = handle.load().await;
        let _ = handle.commit(200).await;
        probe.heal();
    }
    let (one, two) = (app.open(&browser).await, app.open(&browser).await);
    for request in [one, two] {
        request.take::<u64>("a").expect("memory does not fail");
        let _ = request.respond(200).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_records_the_metrics_of_the_guide() {
    let recorded = Recorded::begin();
    let (app, probe) = App::server(defaults);
    live(&app, &probe).await;
    let in_cookie = App::in_cookie(defaults);
    in_cookie.browser_with(r#"{"a":1}"#).await;
    let clock = TestClock::at(NOW);
    let epochs = App::new(clock.clone(), |config| config.backend(EpochMemory::with_clock(clock)));
    let mut browser = Browser::default();
    epochs.visit(&mut browser, |session| session.sign_in("ann").unwrap()).await;
    epochs.visit(&mut browser, |_| {}).await;
    epochs.manager.revoke_all("ann").await.unwrap();
    epochs.visit(&mut browser, |_| {}).await;

    let counts = recorded.take();
    let mut unseen: BTreeSet<&str> = rows().filter(|row| row[0].starts_with("`session_")).map(|row| row[0]).collect();
    let mut operations = BTreeSet::new();
    let mut outcomes = BTreeSet::new();
    for key in counts.keys() {
        let (kind, name, labels) = parts(key);
        let row = rows().find(|row| row[0].trim_matches('`') == name).expect("the guide has the metric");
        let names: BTreeSet<_> = labels.iter().map(|(label, _)| *label).collect();
        assert_eq!((kind, names), (row[1], code(row[2])), "{key}");
        unseen.remove(row[0]);
        for (label, value) in labels {
            let values = documented(name, label);
            let is_reason =
                name == "session_loads_total" && ["no cookie", "unknown id", "unreadable", "revoked"].contains(&value);
            assert!(label == "cookie" || is_reason || values.contains(value), "{label} of {key}");
            match (name, label) {
                ("session_store_calls_total", "operation") => operations.insert(value),
                ("session_store_calls_total", "outcome") => outcomes.insert(value),
                _ => false,
            };
        }
    }
    assert_eq!(unseen, BTreeSet::new(), "recorded is {counts:#?}");
    assert_eq!(operations, documented("session_store_calls_total", "operation"));
    // The probe has no faults that make these.
    outcomes.extend(["timeout", "refused", "too large", "failed"]);
    assert_eq!(outcomes, documented("session_store_calls_total", "outcome"));
}

fn counts<const N: usize>(expected: [(&str, u64); N]) -> Counts {
    expected.into_iter().map(|(key, count)| (key.to_owned(), count)).collect()
}

#[tokio::test]
async fn a_request_counts_its_load_its_commit_and_its_calls() {
    let recorded = Recorded::begin();
    let clock = TestClock::at(NOW);
    let app = App::new(clock.clone(), |config| config.backend(MemoryBackend::builder().clock(clock).build()));
    let mut browser = Browser::default();
    let _ = app.handle(&browser).commit(200).await;
    assert_eq!(recorded.take(), Counts::new(), "it has not asked for its session");

    app.visit(&mut browser, |session| session.insert("a", 1).unwrap()).await;
    assert_eq!(
        recorded.take(),
        counts([
            ("counter session_commits_total{cookie=id, store=memory, outcome=done}", 1),
            ("counter session_events_total{cookie=id, store=memory, event=created}", 1),
            ("counter session_loads_total{cookie=id, store=memory, outcome=no cookie}", 1),
            ("counter session_store_calls_total{cookie=id, store=memory, operation=create, outcome=done}", 1),
            ("histogram session_store_call_seconds{cookie=id, store=memory, operation=create}", 1),
        ])
    );
    let request = app.open(&browser).await;
    app.open(&browser).await;
    let _ = request.respond(200).await;
    assert_eq!(
        recorded.take(),
        counts([
            ("counter session_commits_total{cookie=id, store=memory, outcome=done}", 1),
            ("counter session_loads_total{cookie=id, store=memory, outcome=found}", 2),
            ("counter session_store_calls_total{cookie=id, store=memory, operation=fetch, outcome=found}", 2),
            ("histogram session_store_call_seconds{cookie=id, store=memory, operation=fetch}", 2),
        ])
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_is_counted_once_it_was_sent() {
    let recorded = Recorded::begin();
    let (app, probe) = App::server(|config| config.request_deadline(Duration::from_millis(50)));
    let browser = app.browser_with(r#"{"a":1}"#).await;
    recorded.take();
    probe.fail(Operation::Fetch, Fault::Hangs);
    let handle = app.handle(&browser);
    handle.load().await.unwrap_err();
    // No time is left to send the removal.
    handle.destroy();
    assert!(handle.commit(200).await.error.is_some());
    assert_eq!(
        recorded.take(),
        counts([
            ("counter session_commits_total{cookie=id, store=memory, outcome=unavailable}", 1),
            ("counter session_loads_total{cookie=id, store=memory, outcome=failed}", 1),
            ("counter session_store_calls_total{cookie=id, store=memory, operation=fetch, outcome=dropped}", 1),
            ("histogram session_store_call_seconds{cookie=id, store=memory, operation=fetch}", 1),
        ])
    );
}

#[test]
fn configurations_of_one_backend_share_its_sessions() {
    let backend = session_core::Backend::from(MemoryBackend::new());
    let manager = |name: &str| {
        let config = SessionConfig::builder(SECRET, name).backend(backend.clone()).build();
        SessionManager::new(config.expect("the configuration is valid"))
    };
    let inner = manager("id").open_within(manager("id").open([]), []);
    assert!(inner.load_error().is_none());
}
