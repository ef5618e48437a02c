//! Programs that a test talks to line by line.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::signal;

/// The longest wait for a program. It is long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running program. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// A program that reads this ends when it is closed, even if the test was killed.
    stdin: ChildStdin,
    stdout: Mutex<Receiver<String>>,
    /// Read at once, because a full pipe would stop the program.
    stderr: Option<JoinHandle<String>>,
}

impl Process {
    /// Starts a program.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let stdin = child.stdin.take().expect("stdin is piped");
        let stdout = Mutex::new(lines(child.stdout.take().expect("stdout is piped")));
        let stderr = Some(text(child.stderr.take().expect("stderr is piped")));
        Self { child, stdin, stdout, stderr }
    }

    /// Writes a line to its standard input.
    pub fn write_line(&mut self, line: &str) {
        let written = self.stdin.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.stdin.flush());
        if let Err(error) = written {
            panic!("the program does not read: {error}\n{}", self.kill());
        }
    }

    /// Returns the next line of its standard output; `None` at the end of the output.
    pub fn next_line(&mut self) -> Option<String> {
        match self.stdout.get_mut().expect("no reader panics").recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the program says nothing\n{}", self.kill()),
        }
    }

    /// Returns the next line of its standard output.
    pub fn read_line(&mut self) -> String {
        self.next_line().unwrap_or_else(|| panic!("the program has ended\n{}", self.kill()))
    }

    /// Returns what follows `announcement` in the next line, for instance an address.
    pub fn read_after(&mut self, announcement: &str) -> String {
        let line = self.read_line();
        match line.strip_prefix(announcement) {
            Some(rest) => rest.to_owned(),
            None => panic!("expected `{announcement}` and more, not {line:?}"),
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        signal(name, self.child.id());
    }

    /// Waits until it has ended. Returns its status and all that it has written to its standard error.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is a child of this process") {
                break status;
            }
            assert!(start.elapsed() < PATIENCE, "the program does not end\n{}", self.kill());
            thread::sleep(Duration::from_millis(2));
        };
        (status, self.stderr_text())
    }

    /// Ends it with a signal that it obeys. Returns all that it has written to its standard error.
    pub fn stop(self, signal: &str) -> (ExitStatus, String) {
        self.signal(signal);
        self.wait()
    }

    /// Kills it. Returns all that it has written to its standard error.
    fn kill(&mut self) -> String {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.stderr_text()
    }

    fn stderr_text(&mut self) -> String {
        self.stderr.take().and_then(|reader| reader.join().ok()).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads lines on a thread, so that their reader can give up.
fn lines(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Reads all text on a thread.
fn text(mut output: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = Vec::new();
        // An error ends the text.
        let _ = output.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    })
}
