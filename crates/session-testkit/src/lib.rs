//! Tests for authors of session backends and adapters: those that this project's own pass.
//!
//! # A backend
//!
//! [`conformance::check`] runs the whole suite against a backend: storing, expiry, odd keys and large values, compare-and-set,
//! rotation; and through a [`SessionManager`](session_core::SessionManager) races and lost replies. What a backend has to
//! promise is said at [`ISessionBackend`](session_core::ISessionBackend) and
//! [`AtomicBackend`](session_core::AtomicBackend).
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
//! Run it against a real server, on a Tokio runtime of several threads. It uses keys of its own, so the server may have
//! others. A backend of three methods is passed by `Subject::simple`: the report names each case that it does not promise.
//! Values larger than [`Subject::largest_value`](conformance::Subject::largest_value) may be refused, not lost.
//!
//! # An adapter
//!
//! [`scenarios::check`] runs a table of requests and expected responses against an adapter, which comes with a small
//! [`Driver`](scenarios::Driver). What an adapter has to do is said at [`SessionManager`](session_core::SessionManager).
//!
//! # Anything else
//!
//! [`Probe`] counts the calls that a backend gets and makes them fail: down, slow, flapping, hanging, corrupt, with a lost
//! request or reply, or overtaken by another writer. [`TestClock`] is set by the test. [`SimpleMemory`] is a store that does
//! not compare.

mod clock;
pub mod conformance;
mod probe;
pub mod scenarios;
mod simple_memory;

pub use clock::TestClock;
pub use probe::{Fault, Operation, Probe, Watched, WatchedSimple};
pub use simple_memory::SimpleMemory;
