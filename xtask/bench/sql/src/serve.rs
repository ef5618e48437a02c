//! The commands of the report.

use std::io::{BufRead, Write};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::load::{Work, alone, clients, together};
use crate::{CLIENTS, Place, Subject};

/// Stores sessions, and carries out the commands on the standard input, each with one line of output:
///
/// | command | its output |
/// |---|---|
/// | `sessions NUMBER JSON` | `ready`, once each client has stored that number of sessions with these values |
/// | `together WORK MILLISECONDS` | the requests a second of all clients |
/// | `alone WORK NUMBER` | the microseconds of one client's requests, at the median and the 99th percentile |
///
/// The work is `read` or `write`. The arguments of the program are the name of a subject, the URL of a database, and
/// `flushed` if a commit to a file waits until it is on disk.
///
/// # Errors
///
/// Returns an error for an unknown command, or if the database fails.
pub fn serve<S: Subject>(open: impl AsyncFn(Place) -> Result<S>) -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(_subject), Some(url)) = (arguments.next(), arguments.next()) else {
        bail!("the arguments are a subject, a URL, and `flushed` or nothing")
    };
    let place = Place { url, is_flushed: arguments.next().as_deref() == Some("flushed") };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut subject = Some(open(place).await?);
        let mut ready = Vec::new();
        for line in std::io::stdin().lock().lines() {
            let line = line?;
            let words: Vec<&str> = line.splitn(3, ' ').collect();
            let [command, first, second] = words[..] else { bail!("`{line}` is no command") };
            let reply = match command {
                "sessions" => {
                    let subject = subject.take().context("the sessions are stored")?;
                    ready = clients(subject, second, CLIENTS, first.parse()?).await?;
                    "ready".to_owned()
                }
                "together" => {
                    let time = Duration::from_millis(second.parse()?);
                    together(&mut ready, Work::named(first)?, time).await?.to_string()
                }
                "alone" => {
                    let [median, p99] = alone(&mut ready, Work::named(first)?, second.parse()?).await?;
                    format!("{median} {p99}")
                }
                _ => bail!("`{line}` is no command"),
            };
            let mut output = std::io::stdout().lock();
            writeln!(output, "{reply}")?;
            output.flush()?;
        }
        Ok(())
    })
}
