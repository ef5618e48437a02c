//! Helpers that several modules of tests share.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

/// Reads the vectors of a file in `tests/data`.
pub(crate) fn vectors<T: DeserializeOwned>(file: &str) -> Vec<T> {
    #[derive(serde::Deserialize)]
    struct File<T> {
        vectors: Vec<T>,
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(file);
    let text = std::fs::read_to_string(path).expect("the file is there");
    serde_json::from_str::<File<T>>(&text).expect("vectors are JSON").vectors
}

/// Runs a Python program on these lines. Returns the lines that it answers.
pub(crate) fn python(program: &str, lines: &[String]) -> Vec<String> {
    let python = std::env::var_os("SESSION_PYTHON")
        .expect("SESSION_PYTHON is not set: `cargo xtask test` installs what the tests need");
    let mut process = Command::new(python)
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("SESSION_PYTHON is a Python interpreter");
    let mut stdin = process.stdin.take().expect("it is piped");
    let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()).expect("it reads"));
    let output = process.wait_with_output().expect("it ends");
    writer.join().expect("the lines are written");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("it writes text").lines().map(str::to_owned).collect()
}

/// Returns the time of the fastest of several attempts: a busy machine must not decide a test.
pub(crate) fn fastest(mut attempt: impl FnMut()) -> Duration {
    let attempts = (0..20).map(|_| {
        let start = Instant::now();
        attempt();
        start.elapsed()
    });
    attempts.min().expect("there are attempts")
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("hexadecimal digits") as u8;
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}
