//! The servers of both sides, and a browser that talks to them.

mod browser;
mod demo;
mod frameworks;
mod node;
mod oracle;
mod python;
mod rust;
mod token;

use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) use browser::{Browser, Reply, SetCookie, get, get_with_headers, post};
pub(crate) use demo::Demo;
pub(crate) use frameworks::Framework;
pub(crate) use node::Express;
pub(crate) use oracle::{Oracle, Refusal};
pub(crate) use python::{App, Peer};
pub(crate) use rust::{RustServer, config};
pub(crate) use session_testkit::TestClock;
pub(crate) use token::{Token, sign_timestamp, sign_value};

/// The secret that both sides share.
pub(crate) const SECRET: &str = "a secret that both of the sides share";

/// The cookie that both sides share. No framework has it by default, so each side must be told.
pub(crate) const COOKIE: &str = "shared";

/// The key under which Rust stores what it knows of a session.
pub(crate) const RESERVED_KEY: &str = "__session";

/// Where the clocks of both sides stand still, in Unix seconds.
pub(crate) const NOW: u64 = 1_700_000_000;

/// The lifetime of a session where a test sets none, in seconds: the original's default.
pub(crate) const MAX_AGE: u64 = 14 * 24 * 3600;

/// The time that live servers go by, in Unix seconds.
pub(crate) fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs()
}

/// A server of either side.
pub(crate) trait Server {
    /// Where it listens: `http://127.0.0.1:PORT`.
    fn url(&self) -> &str;

    /// The name of its session's cookie.
    fn cookie_name(&self) -> &str {
        COOKIE
    }
}

/// Makes two tests of each function, one for each of Python's middlewares.
macro_rules! for_each_app {
    ($($name:ident,)+) => {
        mod starlette_session {
            $(#[tokio::test] async fn $name() { super::$name($crate::support::App::StarletteSession).await })+
        }
        mod starlette {
            $(#[tokio::test] async fn $name() { super::$name($crate::support::App::Starlette).await })+
        }
    };
}
pub(crate) use for_each_app;
