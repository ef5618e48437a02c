//! The programs that keep sessions in a database.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result};
use session_bench::profile::Profile;
use session_bench::session::VALUES;

use crate::candidates::program;

/// The requests of both runs under callgrind, and those of the second alone; see [`session_bench::callgrind`].
const WARM_UP: u32 = 100;
const COUNTED: u32 = 300;

/// The arguments of a program.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) program: &'static str,
    pub(super) subject: &'static str,
    pub(super) url: String,
    pub(super) is_flushed: bool,
}

impl Place {
    fn arguments(&self) -> Vec<&str> {
        let flushed = if self.is_flushed { "flushed" } else { "" };
        vec![self.subject, &self.url, flushed]
    }
}

/// A running program, which ends when its standard input closes.
#[derive(Debug)]
pub(super) struct Program {
    process: Child,
    stdin: Option<ChildStdin>,
    replies: Lines<BufReader<ChildStdout>>,
}

impl Program {
    /// Starts a program that stores this number of sessions for each of its clients.
    pub(super) fn start(place: &Place, sessions: u32) -> Result<Self> {
        let mut command = program(place.program)?;
        command.args(place.arguments());
        Self::run(command, sessions)
    }

    fn run(mut command: Command, sessions: u32) -> Result<Self> {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = process.stdin.take();
        let replies = BufReader::new(process.stdout.take().context("it is piped")?).lines();
        let mut program = Self { process, stdin, replies };
        program.ask(&format!("sessions {sessions} {VALUES}"))?;
        Ok(program)
    }

    /// Returns the requests a second of all clients.
    pub(super) fn together(&mut self, work: &str, millis: u32) -> Result<f64> {
        Ok(self.ask(&format!("together {work} {millis}"))?.parse()?)
    }

    /// Returns the microseconds of one client's requests, at the median and the 99th percentile.
    pub(super) fn alone(&mut self, work: &str, requests: u32) -> Result<[f64; 2]> {
        let reply = self.ask(&format!("alone {work} {requests}"))?;
        let (median, p99) = reply.split_once(' ').context("there are two numbers")?;
        Ok([median.parse()?, p99.parse()?])
    }

    fn ask(&mut self, command: &str) -> Result<String> {
        writeln!(self.stdin.as_mut().context("it is open")?, "{command}")?;
        Ok(self.replies.next().with_context(|| format!("the program failed: {command}"))??)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.process.wait();
    }
}

/// Returns the instructions of a request in the process that sends it, as valgrind counts them.
pub(super) fn instructions(place: &Place, work: &str) -> Result<f64> {
    let [few, many] = [WARM_UP, WARM_UP + COUNTED].map(|requests| profile(place, work, requests));
    Ok((many?.instructions as f64 - few?.instructions as f64) / f64::from(COUNTED))
}

fn profile(place: &Place, work: &str, requests: u32) -> Result<Profile> {
    let file = std::env::temp_dir().join(format!("session-bench-{}.callgrind", std::process::id()));
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--quiet"]).arg(format!("--callgrind-out-file={}", file.display()));
    command.arg(program(place.program)?.get_program()).args(place.arguments());
    // A second thread would look for work in vain, now more often and now less.
    command.env("TOKIO_WORKER_THREADS", "1");
    let mut program = Program::run(command, 1)?;
    program.alone(work, requests)?;
    drop(program);
    let text = std::fs::read_to_string(&file).with_context(|| format!("valgrind wrote no {}", file.display()))?;
    std::fs::remove_file(&file)?;
    Profile::parse(&text)
}
