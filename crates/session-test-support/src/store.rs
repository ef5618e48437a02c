//! Shorthands for the tests of stores.

use std::time::{Duration, Instant};

use session_core::{AtomicBackend, Create, SessionMap, Version, WriteOutcome};

/// Longer than any test takes.
pub const HOUR: Duration = Duration::from_secs(3600);

/// Makes a session from the JSON of a test.
#[must_use]
pub fn map(json: &str) -> SessionMap {
    SessionMap::from_json(json).expect("a test writes JSON")
}

/// Stores a new session.
pub async fn create(backend: &impl AtomicBackend, key: &str, json: &str) -> Version {
    match backend.create(Create::new(key, &map(json), HOUR)).await.expect("the store answers") {
        WriteOutcome::Done(version) => version,
        other => panic!("there is one already: {other:?}"),
    }
}

/// Returns the text of a stored session.
pub async fn stored(backend: &impl AtomicBackend, key: &str) -> Option<String> {
    backend.fetch(key).await.expect("the store answers").map(|stored| stored.session.into_json())
}

/// Polls `done` until it returns `true`, and returns the time that this took.
pub async fn until<F: Future<Output = bool>>(what: &str, limit: Duration, mut done: impl FnMut() -> F) -> Duration {
    let start = Instant::now();
    while !done().await {
        assert!(start.elapsed() < limit, "{what}: not within {limit:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    start.elapsed()
}

/// Numbers that look random and are the same in every run.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// Makes a sequence that depends on `seed` only.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a number below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}
