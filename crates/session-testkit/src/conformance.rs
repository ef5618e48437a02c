//! What every session backend has to do, checked against a real one.

mod atomic;
mod context;
mod expiry;
mod lost_replies;
mod markers;
mod races;
mod rotation;
mod store;
mod values;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use session_core::{AtomicBackend, ISessionBackend};

use context::{Context, Outcome};
use store::Store;

/// A backend with what it promises.
#[must_use = "a subject is checked by `conformance::check`"]
pub struct Subject {
    store: Store,
    largest_value: usize,
    pass_time: PassTime,
}

type PassTime = Box<dyn Fn(Duration) -> Boxed<()> + Send + Sync>;

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Subject {
    /// A backend that compares and sets, stores values of up to 512 KiB, and whose time passes by itself.
    pub fn new(backend: impl AtomicBackend) -> Self {
        Self::of(Store::Atomic(Arc::new(backend)))
    }

    /// A backend of three methods, with values and time as in [`Subject::new`].
    pub fn simple(backend: impl ISessionBackend) -> Self {
        Self::of(Store::Simple(Arc::new(backend)))
    }

    fn of(store: Store) -> Self {
        Self { store, largest_value: 512 * 1024, pass_time: Box::new(|time| Box::pin(tokio::time::sleep(time))) }
    }

    /// The length in bytes of JSON text up to which values must be stored. Larger ones may be refused, with
    /// [`BackendErrorKind::TooLarge`](session_core::BackendErrorKind::TooLarge).
    pub fn largest_value(mut self, bytes: usize) -> Self {
        self.largest_value = bytes;
        self
    }

    /// Makes time pass for the backend, in place of waiting: for backends with a clock that can be set.
    pub fn pass_time(mut self, pass: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        self.pass_time = Box::new(move |time| {
            pass(time);
            Box::pin(std::future::ready(()))
        });
        self
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("atomic", &self.store.atomic().is_some())
            .field("largest_value", &self.largest_value)
            .finish_non_exhaustive()
    }
}

/// One thing that a backend has to do.
struct Case {
    /// A sentence.
    name: &'static str,
    run: fn(Arc<Context>) -> Boxed<Outcome>,
}

/// The cases that these functions are.
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        &[$($crate::conformance::Case { name: stringify!($case), run: |context| Box::pin($case(context)) }),*]
    };
}
use cases;

/// Runs the whole suite, one case after the other, each on keys of its own.
///
/// Takes some seconds where the backend's time passes by itself: expiry is waited for.
///
/// # Panics
///
/// If there is no Tokio runtime. A backend that panics fails its case.
pub async fn check(subject: Subject) -> Report {
    let atomic = subject.store.atomic().is_some();
    let context = Arc::new(Context::new(subject));
    let mut results = Vec::new();
    for (cases, needs_atomic) in [
        (values::CASES, false),
        (expiry::CASES, false),
        (races::CASES, false),
        (lost_replies::CASES, false),
        (atomic::CASES, true),
        (markers::CASES, true),
        (rotation::CASES, true),
    ] {
        for case in cases {
            let verdict = if needs_atomic && !atomic {
                Verdict::NotPromised
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

/// What the suite found.
#[derive(Clone, Debug)]
#[must_use = "a report that nobody looks at proves nothing; see `assert_passed`"]
pub struct Report {
    pub(crate) results: Vec<(&'static str, Verdict)>,
}

/// How a backend did in one case.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// As it has to be.
    Passed,
    /// Not as it has to be, and how.
    Failed(String),
    /// The case needs a backend that compares and sets.
    NotPromised,
}

impl Report {
    /// Every case, in order, with how the backend did.
    pub fn results(&self) -> impl Iterator<Item = (&'static str, &Verdict)> {
        self.results.iter().map(|(name, verdict)| (*name, verdict))
    }

    /// The names of the cases that failed.
    pub fn failures(&self) -> impl Iterator<Item = &'static str> {
        self.results().filter(|(_, verdict)| matches!(verdict, Verdict::Failed(_))).map(|(name, _)| name)
    }

    /// Passes if no case failed.
    ///
    /// # Panics
    ///
    /// If one did; the message lists all cases.
    pub fn assert_passed(&self) {
        assert!(self.failures().next().is_none(), "it does not conform:\n{self}");
    }
}

/// A line for each case.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, verdict) in self.results() {
            let name = name.replace('_', " ");
            match verdict {
                Verdict::Passed => writeln!(f, "passed        {name}")?,
                Verdict::Failed(how) => writeln!(f, "FAILED        {name}: {how}")?,
                Verdict::NotPromised => writeln!(f, "not promised  {name}")?,
            }
        }
        Ok(())
    }
}
