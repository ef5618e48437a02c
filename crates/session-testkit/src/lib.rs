//! Helpers for the tests of applications, and suites for authors of session backends and adapters.
//!
//! # Testing your application
//!
//! [`TestSessions`] makes the configuration for the application under test. Its [`jar_with`](TestSessions::jar_with) presets a
//! session, [`read`](TestSessions::read) returns the session that a response has left. Cookies go in and out as text, so the
//! test of a handler is three lines in every framework; the guides of `session_tower` and `session_actix` have whole tests.
//!
//! | you test | with |
//! |---|---|
//! | a signed-in user, a full cart | [`TestSessions::jar_with`] |
//! | what the handler has stored | [`CookieJar::receive`], [`TestSessions::read`] |
//! | several requests of one client | one [`CookieJar`] |
//! | a session that has expired | [`TestSessions::clock`] |
//! | a store that is down or slow, a lost reply | [`TestSessions::store`] and its [`fail`](Probe::fail) |
//! | how often a page asks the store | [`Probe::calls`] |
//! | a handler as a function, without a layer | [`TestSessions::handle`] |
//!
//! # A backend
//!
//! [`conformance::check`] checks a backend against the rules for its authors, which stand at
//! [`ISessionBackend`](session_core::ISessionBackend) and [`AtomicBackend`](session_core::AtomicBackend): storing, expiry,
//! odd keys and large values, compare-and-set, rotation, markers. Through a
//! [`SessionManager`](session_core::SessionManager) it checks races and lost replies.
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
//! Run it against a real server, on a Tokio runtime of several threads. The server may hold other keys, because the suite
//! uses keys of its own. A backend of three methods is a [`Candidate::simple`](conformance::Candidate::simple).
//!
//! # An adapter
//!
//! [`scenarios::check`] sends an adapter a table of requests and compares the responses. The adapter's author writes a small
//! [`Driver`](scenarios::Driver). The duties of an adapter stand at [`SessionManager`](session_core::SessionManager).
//!
//! # Faults and time
//!
//! [`Probe`] records the calls that a backend gets, and injects a [`Fault`] into those of an [`Operation`]. [`TestClock`]
//! stands still until the test moves it. [`SimpleMemory`] is a store of three methods in memory, and [`EpochMemory`] one with
//! epochs of users.

mod application;
mod clock;
pub mod conformance;
mod cookie_jar;
mod epoch_memory;
mod probe;
pub mod scenarios;
mod simple_memory;

pub use application::TestSessions;
pub use clock::TestClock;
pub use cookie_jar::CookieJar;
pub use epoch_memory::EpochMemory;
pub use probe::{Fault, Operation, Probe, Watched, WatchedSimple};
pub use simple_memory::SimpleMemory;
