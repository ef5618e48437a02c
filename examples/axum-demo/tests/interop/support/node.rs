//! Express's server.

use std::process::Command;

use session_test_support::Process;

use super::{COOKIE, SECRET, Server};

/// A server of Express, with express-session and connect-redis or cookie-session, and the routes of the demo.
pub(crate) struct Express {
    url: String,
    _process: Process,
}

impl Express {
    /// A server on this Redis, with [`SECRET`] and [`COOKIE`] unless options add to them.
    pub(crate) fn start(redis: &str, options: &[&str]) -> Self {
        Self::run(&[&["--redis", redis], options].concat())
    }

    /// A server with cookie-session in place of express-session.
    pub(crate) fn in_cookies(options: &[&str]) -> Self {
        Self::run(options)
    }

    fn run(options: &[&str]) -> Self {
        let Some(peer) = std::env::var_os("SESSION_NODE_PEER") else {
            panic!(
                "SESSION_NODE_PEER is not set: run these tests with `cargo xtask test`, which installs the packages"
            );
        };
        let mut command = Command::new("node");
        command.arg(peer).args(["--cookie-name", COOKIE, "--secret", SECRET]).args(options);
        let mut process = Process::start(&mut command);
        Self { url: process.read_after("listening "), _process: process }
    }
}

impl Server for Express {
    fn url(&self) -> &str {
        &self.url
    }
}
