//! Tests for authors of session backends and adapters: those that this project's own pass.
//!
//! # A backend
//!
//! [`conformance::check`] runs the whole suite against a backend: storing, expiry, compare-and-set, rotation, odd keys and
//! values, and races through a [`SessionManager`](session_core::SessionManager).
//!
//! ```
//! use session_core::MemoryBackend;
//! use session_testkit::TestClock;
//! use session_testkit::conformance::{self, Subject};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let clock = TestClock::at(1_700_000_000);
//! let backend = MemoryBackend::builder().clock(clock.clone()).build();
//! // A store with a time of its own leaves out `pass_time`: its expiry is then waited for.
//! let subject = Subject::new(backend).pass_time(move |time| clock.advance(time));
//! conformance::check(subject).await.assert_passed();
//! # }
//! ```
//!
//! A backend that does not offer [`AtomicBackend`](session_core::AtomicBackend) passes too; the report names what it does
//! not promise.
//!
//! # An adapter
//!
//! [`scenarios::check`] runs a table of requests and expected responses against an adapter.
//!
//! # Anything else
//!
//! [`Probe`] counts the calls that a backend gets and makes them fail; [`TestClock`] is set by the test.

mod clock;
pub mod conformance;
mod probe;
pub mod scenarios;

pub use clock::TestClock;
pub use probe::{Fault, Probe};
