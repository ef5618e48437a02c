//! Helpers for the tests of applications, and suites for authors of session backends and adapters.
//!
//! # Testing your application
//!
//! [`TestSessions`] makes the configuration for the application under test. [`jar_with`](TestSessions::jar_with)
//! prepares a session before a request, and [`read`](TestSessions::read) returns it after the response. Cookies go in
//! and out as text, so a handler's test needs about three lines in every framework. The guides of `session_tower` and
//! `session_actix` have complete tests.
//!
//! | to test | use |
//! |---|---|
//! | a signed-in user, a full cart | [`TestSessions::jar_with`] |
//! | the data that the handler has stored | [`CookieJar::receive`], [`TestSessions::read`] |
//! | several requests of one client | one [`CookieJar`] |
//! | a session that has expired | [`TestSessions::clock`] |
//! | a store that is down or slow, a lost reply | [`TestSessions::store`] and its [`fail`](Probe::fail) |
//! | the store calls of a page | [`Probe::calls`] |
//! | a handler as a function, without a layer | [`TestSessions::handle`] |
//!
//! # A backend
//!
//! [`conformance::check`] checks a backend against the rules for authors, which are documented at
//! [`ISessionBackend`](session_core::ISessionBackend) and [`AtomicBackend`](session_core::AtomicBackend): storing,
//! expiry, odd keys and large values, compare-and-set, rotation, markers. It checks races and lost replies through a
//! [`SessionManager`](session_core::SessionManager).
//!
//! ```
//! use session_core::MemoryBackend;
//! use session_testkit::TestClock;
//! use session_testkit::conformance::{self, Candidate};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let clock = TestClock::at(1_700_000_000);
//! let backend = MemoryBackend::builder().clock(clock.clone()).build();
//! // Without `advance_clock` the suite waits for expiry.
//! let candidate = Candidate::atomic(backend).advance_clock(move |time| clock.advance(time));
//! conformance::check(candidate).await.assert_passed();
//! # }
//! ```
//!
//! Run it against a real server, on a multi-threaded Tokio runtime. The server may hold other keys, because the suite
//! uses its own. For a backend with three methods, use [`Candidate::simple`](conformance::Candidate::simple).
//!
//! # An adapter
//!
//! [`scenarios::check`] sends a table of requests to an adapter and compares the responses. You write a small
//! [`Driver`](scenarios::Driver) for your adapter. [`SessionManager`](session_core::SessionManager) documents the
//! duties of an adapter.
//!
//! # Faults and time
//!
//! [`Probe`] records the calls of a backend, and injects a [`Fault`] into the calls of an [`Operation`]. [`TestClock`]
//! stands still until the test moves it. [`SimpleMemory`] is a memory store with three methods, and [`EpochMemory`] a
//! memory store with epochs of users. [`forward!`] writes the calls that a backend of a test passes on to another one.

mod application;
mod clock;
pub mod conformance;
mod cookie_jar;
mod epoch_memory;
mod forward;
mod probe;
pub mod scenarios;
mod simple_memory;

pub use application::TestSessions;
pub use clock::TestClock;
pub use cookie_jar::CookieJar;
pub use epoch_memory::EpochMemory;
pub use probe::{Fault, Operation, Probe, Watched, WatchedSimple};
pub use simple_memory::SimpleMemory;

// For `forward!`, whose users may name the crate otherwise.
#[doc(hidden)]
pub use session_core;
