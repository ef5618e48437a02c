//! Starts the demo and ends it.

use std::process::{Command, ExitStatus};
use std::time::Duration;

use session_test_support::Process;

/// The longest wait. It is long enough for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A running demo. Ends when it is dropped.
pub(crate) struct Demo {
    process: Process,
    pub(crate) url: String,
}

/// The program with these flags, without the environment variables that it reads.
pub(crate) fn command(flags: &[&str]) -> Command {
    let mut command = Command::new(crate::PROGRAM);
    command
        .args(flags)
        .env_remove("SESSION_SECRET")
        .env_remove("REDIS_URL")
        .env_remove("DATABASE_URL")
        .env_remove("RUST_LOG");
    command
}

impl Demo {
    /// Starts the demo on a free port and with a good secret.
    pub(crate) fn start(flags: &[&str]) -> Self {
        Self::run(command(&["--listen", "127.0.0.1:0", "--secret", SECRET]).args(flags))
    }

    /// Waits until the program listens.
    pub(crate) fn run(command: &mut Command) -> Self {
        let mut process = Process::start(command);
        Self { url: process.read_after("listening on "), process }
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// Sends a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Waits until it has ended. Returns its status and its stderr.
    pub(crate) fn end(self) -> (ExitStatus, String) {
        self.process.wait()
    }

    /// Ends it, and returns its stderr.
    pub(crate) fn stop(self) -> String {
        self.process.stop("TERM").1
    }
}
