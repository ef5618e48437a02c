//! The command line of a program of subjects: `subject NAME measure REQUESTS`, `fill SESSIONS`, or `serve`.

use anyhow::{Context, Result, bail};
use tokio::runtime::Runtime;

/// A task for a subject.
#[derive(Clone, Copy, Debug)]
pub enum Mode {
    /// Answer this many requests, made in this process.
    Measure(u32),
    /// Store this many sessions. Print the memory that they take, and the time of a request after that.
    Fill(u32),
    /// Listen on a free port, print it, and answer until the standard input closes.
    Serve,
}

/// Reads the program's arguments: the subject's name and the mode.
///
/// # Errors
///
/// Returns an error if the arguments have another form.
pub fn arguments() -> Result<(String, Mode)> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [name, "measure", requests] => {
            Ok((name.to_owned(), Mode::Measure(requests.parse().context("a number of requests")?)))
        }
        [name, "fill", sessions] => {
            Ok((name.to_owned(), Mode::Fill(sessions.parse().context("a number of sessions")?)))
        }
        [name, "serve"] => Ok((name.to_owned(), Mode::Serve)),
        _ => bail!("arguments: NAME, then `measure REQUESTS`, `fill SESSIONS` or `serve`"),
    }
}

/// Creates a runtime of one thread, for subjects and for servers with one worker.
#[must_use]
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made")
}

/// Ends the process when its standard input closes, so that it does not outlive its parent.
pub fn end_with_standard_input() {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
}
