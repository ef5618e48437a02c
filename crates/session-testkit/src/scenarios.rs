//! A suite that checks an adapter: a table of requests, and the responses that the adapter must give.
//!
//! You write a [`Driver`] for your adapter. It starts an application whose handler calls [`answer`], and sends requests
//! to it, in process or over a socket. [`check`] runs all scenarios with sessions in the cookie, in a store with
//! compare-and-set, and in a store without.
//!
//! The scenarios check everything that reaches a client:
//!
//! - the session, and its cookie: set, kept or removed, and by which statuses;
//! - `Cache-Control` and `Vary`, together with the handler's own values;
//! - errors that handlers return, and a store that is down;
//! - forged and expired cookies;
//! - requests that do not use the session, which call no store.
//!
//! Test the rest yourself: extractors, nested layers, upgrades, streamed bodies.
//!
//! This is an adapter without a framework:
//!
//! ```
//! use session_core::adapter::{PlainResponse, kept_headers};
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
//!             let replaced = std::mem::replace(&mut response, error_response(error)).headers;
//!             let own: Vec<_> = response.headers.iter().map(|(name, _)| name.clone()).collect();
//!             response.headers.extend(kept_headers(replaced, own));
//!         }
//!         if let Some(value) = commit.cache_control(response.values("cache-control").map(str::as_bytes)) {
//!             response.headers.retain(|(name, _)| name != "cache-control");
//!             response.headers.push(("cache-control".to_owned(), value.to_owned()));
//!         }
//!         if let Some(value) = commit.vary(response.values("vary").map(str::as_bytes)) {
//!             response.headers.push(("vary".to_owned(), value.to_owned()));
//!         }
//!         response.headers.extend(commit.set_cookies().map(|value| ("set-cookie".to_owned(), value.as_str().to_owned())));
//!         response
//!     }
//! }
//!
//! fn error_response(error: &session_core::SessionError) -> Response {
//!     let PlainResponse { status, headers, body, .. } = PlainResponse::new(error);
//!     Response::new(status, headers, body)
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

/// Starts applications with the adapter under test.
pub trait Driver {
    /// Starts an application with sessions of this configuration and the adapter's default error responses. Its handler
    /// must call [`answer`] for every path.
    fn start(&self, config: SessionConfig) -> impl Future<Output = impl App>;
}

/// A running application.
pub trait App {
    /// Sends a GET request, and returns the response as a client receives it.
    fn send(&self, request: Request) -> impl Future<Output = Response>;
}

/// A request of a client.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// The path, with its query.
    pub path: String,
    /// The value of the `Cookie` header. `None` sends no such header.
    pub cookie: Option<String>,
}

/// A response, as a client receives it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Response {
    /// The status.
    pub status: u16,
    /// All headers. Names are in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Response {
    /// Makes a response with this status, headers and body.
    pub fn new<N: Into<String>, V: Into<String>>(
        status: u16,
        headers: impl IntoIterator<Item = (N, V)>,
        body: impl Into<String>,
    ) -> Self {
        let headers = headers.into_iter().map(|(name, value)| (name.into().to_ascii_lowercase(), value.into()));
        Self { status, headers: headers.collect(), body: body.into() }
    }

    /// Returns the values of a header. Pass its name in lower case.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}
