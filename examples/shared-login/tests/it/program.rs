//! Starts the program and ends it.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::signal::signal;

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The running program. Ends when it is dropped.
pub(crate) struct Program {
    process: Child,
    servers: Vec<(String, String)>,
    stderr: JoinHandle<String>,
}

pub(crate) fn command(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shared-login"));
    command.args(flags).env_remove("REDIS_URL").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    command
}

impl Program {
    /// Waits until it has said where its servers are.
    pub(crate) async fn start(flags: &[&str]) -> Self {
        let mut process = command(flags).spawn().unwrap();
        let mut stderr = process.stderr.take().unwrap();
        let stderr = tokio::spawn(async move {
            let mut text = String::new();
            stderr.read_to_string(&mut text).await.unwrap();
            text
        });
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut servers = Vec::new();
        while let Some(line) = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap() {
            let Some((name, url)) = line.split_once(" http://") else { break };
            servers.push((name.trim().to_owned(), format!("http://{url}")));
        }
        Self { process, servers, stderr }
    }

    /// The servers that run.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.servers.iter().map(|(name, _)| name.as_str()).collect()
    }

    pub(crate) fn urls(&self) -> Vec<&str> {
        self.servers.iter().map(|(_, url)| url.as_str()).collect()
    }

    /// Ends it as a person would, and returns what it said on stderr: all that hold it have ended, too.
    pub(crate) async fn stop(mut self) -> String {
        signal("INT", self.process.id().unwrap());
        assert!(timeout(PATIENCE, self.process.wait()).await.unwrap().unwrap().success());
        timeout(PATIENCE, self.stderr).await.unwrap().unwrap()
    }
}
