//! Starts the program and ends it.

use std::process::Command;

use session_test_support::Process;

/// The running program. Ends when it is dropped.
pub(crate) struct Program {
    process: Process,
    servers: Vec<(String, String)>,
}

pub(crate) fn command(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shared-login"));
    command.args(flags).env_remove("REDIS_URL");
    command
}

impl Program {
    /// Waits until it has said where its servers are.
    pub(crate) fn start(flags: &[&str]) -> Self {
        let mut process = Process::start(&mut command(flags));
        let mut servers = Vec::new();
        while let Some(line) = process.next_line() {
            let Some((name, url)) = line.split_once(" http://") else { break };
            servers.push((name.trim().to_owned(), format!("http://{url}")));
        }
        Self { process, servers }
    }

    /// The servers that run.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.servers.iter().map(|(name, _)| name.as_str()).collect()
    }

    pub(crate) fn urls(&self) -> Vec<&str> {
        self.servers.iter().map(|(_, url)| url.as_str()).collect()
    }

    /// Ends it as a person would, and returns its stderr, which ends once all processes that hold it have ended.
    pub(crate) fn stop(self) -> String {
        let (status, stderr) = self.process.stop("INT");
        assert!(status.success(), "{stderr}");
        stderr
    }
}
