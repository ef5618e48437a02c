//! The demo, as its users start it.

use std::process::Command;

use session_test_support::Process;

use super::{COOKIE, SECRET, Server};

/// The demo's server, with [`SECRET`] and [`COOKIE`], as long as the test runs.
pub(crate) struct Demo {
    url: String,
    _process: Process,
}

impl Demo {
    /// The session itself lives in the cookie, as in Python.
    pub(crate) fn cookie() -> Self {
        Self::start("cookie")
    }

    /// Sessions live in the memory of the server.
    pub(crate) fn memory() -> Self {
        Self::start("memory")
    }

    fn start(backend: &str) -> Self {
        Self::with(&["--backend", backend])
    }

    /// Sessions are those of another framework, as these options say.
    pub(crate) fn with(options: &[&str]) -> Self {
        Self::with_secrets(&[SECRET], options)
    }

    /// Starts it with several secrets, of which the first signs.
    pub(crate) fn with_secrets(secrets: &[&str], options: &[&str]) -> Self {
        let mut command = demo();
        for secret in secrets {
            command.args(["--secret", secret]);
        }
        command.args(["--cookie-name", COOKIE]).args(options);
        let mut process = Process::start(&mut command);
        Self { url: process.read_after("listening on "), _process: process }
    }

    /// Returns the error message of the demo for options that it refuses.
    pub(crate) fn refusal(options: &[&str]) -> String {
        let mut process = Process::start(demo().args(["--secret", SECRET]).args(options));
        assert_eq!(process.next_line(), None, "the program has started");
        let (status, complaints) = process.wait();
        assert_eq!(status.code(), Some(2), "{options:?}");
        complaints
    }
}

impl Server for Demo {
    fn url(&self) -> &str {
        &self.url
    }
}

fn demo() -> Command {
    let mut command = Command::new(crate::PROGRAM);
    command.args(["--listen", "127.0.0.1:0"]);
    command
}
