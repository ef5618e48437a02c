//! Python's servers.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use session_test_support::Process;

use super::{COOKIE, NOW, SECRET, Server};

/// A middleware of Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum App {
    /// The original: in cookie mode, unless options name a store.
    StarletteSession,
    /// `starlette.middleware.sessions.SessionMiddleware`.
    Starlette,
}

impl App {
    fn name(self) -> &'static str {
        match self {
            Self::StarletteSession => "starlette-session",
            Self::Starlette => "starlette",
        }
    }
}

/// A Python server with the routes of the demo.
pub(crate) struct Peer {
    url: String,
    cookie_name: String,
    _process: Process,
}

impl Peer {
    /// A server with [`SECRET`], [`COOKIE`] and the system's clock. All tests share it, because it keeps no state.
    pub(crate) fn live(app: App) -> &'static Self {
        static PEERS: [OnceLock<Peer>; 2] = [const { OnceLock::new() }; 2];
        PEERS[app as usize].get_or_init(|| Self::start(app, SECRET, COOKIE, &[]))
    }

    /// A server like [`live`](Self::live), whose clock stands still at [`NOW`].
    pub(crate) fn stopped(app: App) -> &'static Self {
        static PEERS: [OnceLock<Peer>; 2] = [const { OnceLock::new() }; 2];
        PEERS[app as usize].get_or_init(|| Self::start(app, SECRET, COOKIE, &["--now", &NOW.to_string()]))
    }

    /// A server of a test's own.
    pub(crate) fn start(app: App, secret: &str, cookie: &str, options: &[&str]) -> Self {
        let mut command = peer();
        command.args(["serve", "--app", app.name()]);
        // As one argument, because a secret may begin with a dash.
        command.args([format!("--secret={secret}"), format!("--cookie-name={cookie}")]).args(options);
        let mut process = Process::start(&mut command);
        Self { url: process.read_after("listening "), cookie_name: cookie.to_owned(), _process: process }
    }
}

impl Server for Peer {
    fn url(&self) -> &str {
        &self.url
    }

    fn cookie_name(&self) -> &str {
        &self.cookie_name
    }
}

/// `peer.py` in its interpreter.
pub(super) fn peer() -> Command {
    script("peer.py")
}

/// A program of `xtask/python` in its interpreter.
pub(super) fn script(name: &str) -> Command {
    let Some(python) = std::env::var_os("SESSION_PYTHON") else {
        panic!(
            "SESSION_PYTHON is not set: run these tests with `cargo xtask test`, which makes the Python environment"
        );
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/python").join(name);
    let mut command = Command::new(python);
    command.arg(script);
    command
}
