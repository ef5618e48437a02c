//! What a program of subjects is asked to do: `subject NAME measure REQUESTS`, `fill SESSIONS`, or `serve`.

use anyhow::{Context, Result, bail};
use tokio::runtime::Runtime;

/// What to do with the subject.
#[derive(Clone, Copy, Debug)]
pub enum Mode {
    /// Answer this many requests, made in this process.
    Measure(u32),
    /// Store this many sessions, and say what memory they take and how long a request then does.
    Fill(u32),
    /// Listen on a free port, say which, and answer until the standard input ends.
    Serve,
}

/// Reads the program's arguments: the subject's name and the mode.
///
/// # Errors
///
/// If they are not as above.
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

/// A runtime of one thread, for subjects and for servers with one worker.
#[must_use]
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made")
}

/// Ends the process when its standard input does: with whoever started it.
pub fn end_with_standard_input() {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
}
