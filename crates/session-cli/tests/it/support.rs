//! The command, run as a person runs it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The answer of the command.
pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the command with this standard input, and without a key in its environment.
pub(crate) fn session(arguments: &[&str], input: &str) -> Output {
    run(Command::new(env!("CARGO_BIN_EXE_session")).args(arguments), input)
}

pub(crate) fn run(command: &mut Command, input: &str) -> Output {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.env_remove("SESSION_SECRET").spawn().expect("the command starts");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("the command reads its input");
    let output = child.wait_with_output().expect("the command ends");
    Output {
        code: output.status.code().expect("it is not killed"),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

/// A new path in the folder of the tests, and its file if there is content.
pub(crate) fn file(content: Option<&str>) -> PathBuf {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("session-cli-{}-{number}", std::process::id()));
    if let Some(content) = content {
        std::fs::write(&path, content).expect("the folder can be written");
    }
    path
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("the folder's name is text")
}
