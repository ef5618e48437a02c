//! The round trips to the server, by the server's own counters.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Result, ensure};
use session_bench::server::Servers;
use session_bench::session::Work;

use crate::candidates::{CANDIDATES, Candidate, program};
use crate::results::{load, of, save};

const PART: &str = "round-trips";

/// The round trips of a request, by the name of its subject.
type Numbers = BTreeMap<String, f64>;

/// The requests of both runs, and those of the second alone; see [`session_bench::callgrind`].
const WARM_UP: u32 = 300;
const REQUESTS: u32 = 1000;

/// Counts the round trips of all candidates that have a server.
///
/// # Errors
///
/// Returns an error if a subject or a server fails.
pub fn measure() -> Result<()> {
    let servers = Servers::start()?;
    let mut numbers = Numbers::new();
    for candidate in candidates() {
        for work in Work::ALL {
            let subject = candidate.subject(work);
            let run = |requests: u32| {
                let before = servers.round_trips()?;
                let mut command = program(candidate.program)?;
                command.args([&subject, "measure", &requests.to_string()]).envs(servers.environment());
                ensure!(command.status()?.success(), "`{subject}` failed");
                anyhow::Ok(servers.round_trips()? - before)
            };
            let few = run(WARM_UP)?;
            let many = run(WARM_UP + REQUESTS)?;
            numbers.insert(subject, (many as f64 - few as f64) / f64::from(REQUESTS));
        }
    }
    save(PART, &numbers)
}

fn candidates() -> impl Iterator<Item = Candidate> {
    CANDIDATES.into_iter().filter(|candidate| ["in Redis", "in memcached"].contains(&candidate.place))
}

/// Writes the section of this part.
///
/// # Errors
///
/// Returns an error if this part has not been measured.
pub fn report() -> Result<String> {
    let numbers: Numbers = load(PART)?;
    let mut text = String::from(
        "## Round trips\n\n\
         Per request, by the counters of Redis (reads from clients) and memcached (commands).\n\n\
         | | | untouched | read | write |\n|---|---|---:|---:|---:|\n",
    );
    for candidate in candidates() {
        write!(text, "| {} | {} |", candidate.place, candidate.label)?;
        for work in Work::ALL {
            let count = of(&numbers, &candidate.subject(work))?;
            write!(text, " {} |", (count * 10.0).round() / 10.0)?;
        }
        text.push('\n');
    }
    Ok(text)
}
