//! What every adapter has to do: requests, and the responses that they must get.
//!
//! An adapter's author writes a [`Driver`]: it starts an application whose handler does what [`answer`] says, and sends it
//! requests: in process, over a socket, or each in turn. [`check`] runs all scenarios with sessions in the cookie, in a store
//! that compares and sets, and in one that does not.
//!
//! They are about what reaches a client: the session itself, its cookie (set, kept, removed, and by which statuses),
//! `Cache-Control` and `Vary` beside those of the handler, errors that handlers pass on, a store that is down, forged and
//! expired cookies, and that a request which asks for nothing costs nothing. What a framework has of its own (extractors,
//! nested layers, upgrades, bodies that are streams) is for the author to test.
//!
//! This adapter has no framework under it:
//!
//! ```
//! use session_core::{SessionConfig, SessionManager};
//! use session_testkit::scenarios::{self, App, Driver, Request, Response};
//!
//! struct NoFramework;
//!
//! impl Driver for NoFramework {
//!     async fn start(&self, config: SessionConfig) -> impl App {
//!         NoFrameworkApp(SessionManager::new(config))
//!     }
//! }
//!
//! struct NoFrameworkApp(SessionManager);
//!
//! impl App for NoFrameworkApp {
//!     async fn send(&self, request: Request) -> Response {
//!         let Self(manager) = self;
//!         let handle = manager.open(request.cookie.as_deref().map(str::as_bytes));
//!         let answer = scenarios::answer(&handle, &request.path).await;
//!         let mut response = match answer {
//!             Ok(answer) => Response::new(answer.status, answer.headers, answer.body),
//!             Err(error) => error_response(&error),
//!         };
//!         let commit = handle.commit(response.status).await;
//!         if let Some(error) = &commit.error {
//!             response = error_response(error);
//!         }
//!         if let Some(value) = commit.cache_control(response.values("cache-control").map(str::as_bytes)) {
//!             response.headers.retain(|(name, _)| name != "cache-control");
//!             response.headers.push(("cache-control".to_owned(), value.to_owned()));
//!         }
//!         if let Some(value) = commit.vary(response.values("vary").map(str::as_bytes)) {
//!             response.headers.push(("vary".to_owned(), value.to_owned()));
//!         }
//!         response.headers.extend(commit.set_cookie.map(|value| ("set-cookie".to_owned(), value.to_string())));
//!         response
//!     }
//! }
//!
//! fn error_response(error: &session_core::SessionError) -> Response {
//!     let mut headers = vec![("cache-control", "no-store".to_owned())];
//!     headers.extend(error.retry_after().map(|seconds| ("retry-after", seconds.to_string())));
//!     Response::new(error.status(), headers, error.public_message())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! scenarios::check(&NoFramework).await.assert_passed();
//! # }
//! ```

mod handler;
mod run;
mod table;

use std::future::Future;

use session_core::SessionConfig;

pub use crate::conformance::{Report, Verdict};
pub use handler::{Answer, answer};
pub use run::check;

/// Starts applications with the adapter that is to be tested.
pub trait Driver {
    /// Starts an application with sessions of this configuration, and with the adapter's own error responses. Its handler
    /// answers every path with what [`answer`] says.
    fn start(&self, config: SessionConfig) -> impl Future<Output = impl App>;
}

/// A running application.
pub trait App {
    /// Sends a GET request, and returns what a client gets.
    fn send(&self, request: Request) -> impl Future<Output = Response>;
}

/// A request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// Path and query.
    pub path: String,
    /// The value of the `Cookie` header, if there is to be one.
    pub cookie: Option<String>,
}

/// A response.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// All headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Response {
    /// A response.
    pub fn new<N: Into<String>, V: Into<String>>(
        status: u16,
        headers: impl IntoIterator<Item = (N, V)>,
        body: impl Into<String>,
    ) -> Self {
        let headers = headers.into_iter().map(|(name, value)| (name.into().to_ascii_lowercase(), value.into()));
        Self { status, headers: headers.collect(), body: body.into() }
    }

    /// The values of a header, whose name is in lower case.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}
