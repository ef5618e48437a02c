//! A program that runs as long as a test needs it.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::{self, JoinHandle};

/// A running program, spoken to line by line; killed when dropped.
pub(crate) struct Process {
    child: Child,
    /// Python's peers end when this is closed, even if the test itself was killed.
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// What it complains about, read at once: a full pipe would stop it.
    stderr: Option<JoinHandle<String>>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let stdin = child.stdin.take().expect("stdin is piped");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut complaints = child.stderr.take().expect("stderr is piped");
        let stderr = Some(thread::spawn(move || {
            let mut text = Vec::new();
            // What was read before an error is all that there is to show.
            let _ = complaints.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        }));
        Self { child, stdin, stdout, stderr }
    }

    pub(crate) fn write_line(&mut self, line: &str) {
        let written = self.stdin.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.stdin.flush());
        if let Err(error) = written {
            panic!("the program does not read: {error}\n{}", self.complaints());
        }
    }

    /// The next line, without its end.
    pub(crate) fn read_line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("what a program writes can be read");
        match line.strip_suffix('\n') {
            Some(line) => line.to_owned(),
            None => panic!("the program has ended\n{}", self.complaints()),
        }
    }

    /// The address that a server announces in its first line, after `announcement`.
    pub(crate) fn read_address(&mut self, announcement: &str) -> String {
        let line = self.read_line();
        match line.strip_prefix(announcement) {
            Some(address) => address.to_owned(),
            None => panic!("expected `{announcement}` and an address, not {line:?}"),
        }
    }

    /// Ends the program, to learn what it wrote to stderr.
    fn complaints(&mut self) -> String {
        self.end();
        self.stderr.take().and_then(|reader| reader.join().ok()).unwrap_or_default()
    }

    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
