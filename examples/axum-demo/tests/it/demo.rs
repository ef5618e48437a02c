//! Starts the demo and ends it.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Long enough for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A running demo. Ends when it is dropped.
pub(crate) struct Demo {
    process: Child,
    /// What follows `listening on `.
    pub(crate) url: String,
    stderr: JoinHandle<String>,
}

/// The program with these flags, and nothing of the environment that it would listen to.
pub(crate) fn command(flags: &[&str]) -> Command {
    let mut command = Command::new(crate::PROGRAM);
    command.args(flags).env_remove("SESSION_SECRET").env_remove("RUST_LOG");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

impl Demo {
    /// Starts the demo on a free port and with a good secret.
    pub(crate) async fn start(flags: &[&str]) -> Self {
        Self::run(command(&["--listen", "127.0.0.1:0", "--secret", SECRET]).args(flags)).await
    }

    /// Waits for the first line of the program.
    pub(crate) async fn run(command: &mut Command) -> Self {
        let mut process = command.spawn().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut stderr = process.stderr.take().unwrap();
        let stderr = tokio::spawn(async move {
            let mut text = String::new();
            stderr.read_to_string(&mut text).await.unwrap();
            text
        });
        let mut line = String::new();
        timeout(PATIENCE, stdout.read_line(&mut line)).await.unwrap().unwrap();
        let url = line.strip_prefix("listening on ").and_then(|rest| rest.strip_suffix('\n'));
        let url = url.unwrap_or_else(|| panic!("the first line is {line:?}")).to_owned();
        Self { process, url, stderr }
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// Sends a signal, by its name.
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.process.id().unwrap().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status().await.unwrap();
        assert!(status.success());
    }

    /// How it ended, and what it said on stderr.
    pub(crate) async fn end(mut self) -> (ExitStatus, String) {
        let status = timeout(PATIENCE, self.process.wait()).await.unwrap().unwrap();
        (status, self.stderr.await.unwrap())
    }

    /// Ends it, and returns what it said on stderr.
    pub(crate) async fn stop(self) -> String {
        self.signal("TERM").await;
        self.end().await.1
    }
}
