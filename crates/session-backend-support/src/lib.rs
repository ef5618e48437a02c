//! Building blocks for session stores on a server. `session-redis`, `session-memcache` and `session-sql` use them.
//!
//! They serve two purposes: a request must not wait for a server that is down, and an outage must not log a line for
//! each request.
//!
//! - [`Deadline`] is the time by which a call must end, with all its steps. [`CallTimeout`] is the time that a call may
//!   take.
//! - [`Breaker`] fails calls fast while the server does not answer. Each call needs a [`Permit`] from it, and reports
//!   its outcome to the permit.
//! - [`Outage`] logs the beginning, duration and end of an outage, and keeps its cause for later callers.
//! - [`Detached`] finishes work whose request was cancelled.
//! - [`PerRuntime`] keeps one value, such as a connection, for each Tokio runtime. [`AbortOnDrop`] aborts a task when
//!   it is dropped. [`Background`] makes sure that only one task of a kind, such as a probe, runs at a time.
//!
//! ```
//! use std::future::Future;
//! use std::time::Duration;
//!
//! use session_backend_support::{Breaker, Deadline, Outage, outage};
//! use tokio::time::timeout_at;
//!
//! struct Server {
//!     breaker: Breaker,
//!     outage: Outage,
//! }
//!
//! impl Server {
//!     fn new(address: &str) -> Self {
//!         let breaker = Breaker::half_open(3, Duration::from_millis(200));
//!         Self { breaker, outage: outage!("mystore", address) }
//!     }
//!
//!     async fn call(&self, command: impl Future<Output = String>) -> Result<String, String> {
//!         let deadline = Deadline::after(Duration::from_millis(250));
//!         let Some(mut permit) = self.breaker.admit(deadline) else {
//!             return Err(self.outage.cause().unwrap_or_default());
//!         };
//!         permit.asked();
//!         match timeout_at(deadline.until(), command).await {
//!             Ok(reply) => {
//!                 permit.answered();
//!                 self.outage.succeeded("GET");
//!                 Ok(reply)
//!             }
//!             Err(_) => {
//!                 permit.unanswered();
//!                 self.outage.failed(None, "no reply in time");
//!                 Err("no reply in time".to_owned())
//!             }
//!         }
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let server = Server::new("10.0.0.5:7000");
//! assert_eq!(server.call(async { "PONG".to_owned() }).await?, "PONG");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod background;
mod breaker;
mod call_timeout;
mod deadline;
mod detached;
mod outage;
mod runtimes;

pub use background::{Background, UnderWay};
pub use breaker::{Breaker, Permit};
pub use call_timeout::CallTimeout;
pub use deadline::Deadline;
pub use detached::Detached;
pub use outage::Outage;
pub use runtimes::{AbortOnDrop, PerRuntime};

/// The names that [`outage!`] uses in the crate that calls it.
#[doc(hidden)]
pub mod __private {
    pub use tracing;

    pub use crate::outage::Line;
}
