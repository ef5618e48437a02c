//! A suite that checks a session backend against the rules for authors.
//!
//! The rules are documented at [`ISessionBackend`], [`AtomicBackend`], [`UserIndex`](session_core::UserIndex),
//! [`UserEpochs`](session_core::UserEpochs) and [`SessionScan`](session_core::SessionScan).

mod atomic;
mod context;
mod expiry;
mod failure;
mod lost_replies;
mod markers;
mod races;
mod revocations;
mod rotation;
mod scan;
mod store;
mod user_epochs;
mod user_index;
mod values;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use session_core::{AtomicBackend, ISessionBackend};

use context::Context;
use failure::Outcome;
use store::Store;

/// A backend to check, with the facts that the suite needs.
#[must_use = "a candidate is checked by `conformance::check`"]
pub struct Candidate {
    store: Store,
    largest_value: usize,
    advance_clock: AdvanceClock,
}

type AdvanceClock = Box<dyn Fn(Duration) -> Boxed<()> + Send + Sync>;

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Candidate {
    /// Makes a candidate of a backend with compare-and-set.
    ///
    /// By default, the suite stores values of up to 512 KiB, and waits in real time for sessions to expire.
    pub fn atomic(backend: impl AtomicBackend) -> Self {
        Self::of(Store::Atomic(Arc::new(backend)))
    }

    /// Makes a candidate of a backend with three methods. The suite skips the cases about compare-and-set.
    pub fn simple(backend: impl ISessionBackend) -> Self {
        Self::of(Store::Simple(Arc::new(backend)))
    }

    fn of(store: Store) -> Self {
        Self { store, largest_value: 512 * 1024, advance_clock: Box::new(|time| Box::pin(tokio::time::sleep(time))) }
    }

    /// Sets the length of JSON text, in bytes, up to which the backend must store values; default 512 KiB. It may
    /// refuse larger ones with [`BackendErrorKind::TooLarge`](session_core::BackendErrorKind::TooLarge).
    pub fn largest_value(mut self, bytes: usize) -> Self {
        self.largest_value = bytes;
        self
    }

    /// Sets a function that moves the clock of the backend. Without it, the suite waits.
    pub fn advance_clock(mut self, advance: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        self.advance_clock = Box::new(move |time| {
            advance(time);
            Box::pin(std::future::ready(()))
        });
        self
    }
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate")
            .field("atomic", &self.store.atomic().is_some())
            .field("largest_value", &self.largest_value)
            .finish_non_exhaustive()
    }
}

/// A rule that a backend must keep.
struct Case {
    /// The rule, as a sentence with underscores.
    name: &'static str,
    run: fn(Arc<Context>) -> Boxed<Outcome>,
}

/// Lists functions as cases.
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        &[$($crate::conformance::Case { name: stringify!($case), run: |context| Box::pin($case(context)) }),*]
    };
}
use cases;

/// Runs the whole suite, one case after the other. Each case uses its own keys.
///
/// It takes some seconds, unless the backend's clock [can be moved](Candidate::advance_clock).
///
/// # Panics
///
/// Outside of a Tokio runtime. If the backend panics, only the case fails.
pub async fn check(candidate: Candidate) -> Report {
    let atomic = candidate.store.atomic().is_some();
    let index = candidate.store.atomic().is_some_and(|backend| backend.user_index().is_some());
    let epochs = candidate.store.atomic().is_some_and(|backend| backend.user_epochs().is_some());
    let scan = candidate.store.atomic().is_some_and(|backend| backend.session_scan().is_some());
    let context = Arc::new(Context::new(candidate));
    let mut results = Vec::new();
    for (cases, apply) in [
        (values::CASES, true),
        (expiry::CASES, true),
        (races::CASES, true),
        (lost_replies::CASES, true),
        (atomic::CASES, atomic),
        (markers::CASES, atomic),
        (rotation::CASES, atomic),
        (user_index::CASES, index),
        (user_epochs::CASES, epochs),
        (revocations::CASES, index || epochs),
        (scan::CASES, scan),
    ] {
        for case in cases {
            let verdict = if !apply {
                Verdict::Skipped
            } else {
                match tokio::spawn((case.run)(context.clone())).await {
                    Ok(Ok(())) => Verdict::Passed,
                    Ok(Err(failure)) => Verdict::Failed(failure.to_string()),
                    Err(_) => Verdict::Failed("it panicked".to_owned()),
                }
            };
            results.push((case.name, verdict));
        }
    }
    Report { results }
}

/// The results of a run of a suite.
#[derive(Clone, Debug)]
#[must_use = "a report passes nothing by itself; see `assert_passed`"]
pub struct Report {
    pub(crate) results: Vec<(&'static str, Verdict)>,
}

/// The result of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The rule is kept.
    Passed,
    /// The rule is broken. Holds the description.
    Failed(String),
    /// The case does not apply: it needs a backend with compare-and-set, an index of users, epochs of users or a scan.
    Skipped,
}

impl Report {
    /// Returns every case with its result, in order.
    pub fn results(&self) -> impl Iterator<Item = (&'static str, &Verdict)> {
        self.results.iter().map(|(name, verdict)| (*name, verdict))
    }

    /// Returns the names of the cases that failed.
    pub fn failures(&self) -> impl Iterator<Item = &'static str> {
        self.results().filter(|(_, verdict)| matches!(verdict, Verdict::Failed(_))).map(|(name, _)| name)
    }

    /// Panics unless all cases passed or were skipped.
    ///
    /// # Panics
    ///
    /// If a case failed. The message lists all cases.
    pub fn assert_passed(&self) {
        assert!(self.failures().next().is_none(), "it does not conform:\n{self}");
    }
}

/// Prints a line for each case.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, verdict) in self.results() {
            let name = name.replace('_', " ");
            match verdict {
                Verdict::Passed => writeln!(f, "passed   {name}")?,
                Verdict::Failed(how) => writeln!(f, "FAILED   {name}: {how}")?,
                Verdict::Skipped => writeln!(f, "skipped  {name}")?,
            }
        }
        Ok(())
    }
}
