//! Servers of Flask and Django.

use session_test_support::Process;

use super::python::script;
use super::{COOKIE, SECRET, Server};

/// A server of Flask or Django, with the routes of the demo.
pub(crate) struct Framework {
    url: String,
    _process: Process,
}

impl Framework {
    pub(crate) fn flask(options: &[&str]) -> Self {
        Self::start("flask", SECRET, options)
    }

    pub(crate) fn django(options: &[&str]) -> Self {
        Self::start("django", SECRET, options)
    }

    /// A server that signs with this secret, with [`COOKIE`].
    pub(crate) fn start(name: &str, secret: &str, options: &[&str]) -> Self {
        let mut command = script("frameworks.py");
        command.args([name, "--secret", secret, "--cookie-name", COOKIE]).args(options);
        let mut process = Process::start(&mut command);
        Self { url: process.read_after("listening "), _process: process }
    }
}

impl Server for Framework {
    fn url(&self) -> &str {
        &self.url
    }
}
