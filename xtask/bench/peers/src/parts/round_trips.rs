//! Round trips to the server, by the servers' own counters.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use session_bench::server::{MEMCACHED, REDIS, Server};
use session_bench::session::Work;

use crate::candidates::{CANDIDATES, program};
use crate::results::{load, save};

const PART: &str = "round-trips";

/// Round trips of a request, by the name of its subject.
type Numbers = BTreeMap<String, f64>;

/// In both runs, and in the second alone; see [`session_bench::callgrind`].
const WARM_UP: u32 = 300;
const REQUESTS: u32 = 1000;

/// Counts those of all candidates that have a server, and of ours in memcached.
///
/// # Errors
///
/// If a subject or a server fails.
pub fn measure() -> Result<()> {
    let redis = Server::redis()?;
    let memcached = Server::memcached()?;
    let environment = [(REDIS, format!("redis://{}", redis.address())), (MEMCACHED, memcached.address())];
    let mut numbers = Numbers::new();
    for (_, program_name, name) in rows() {
        for work in Work::ALL {
            let subject = format!("{name}/{}", work.name());
            let run = |requests: u32| {
                let before = (redis.redis_reads()?, memcached.memcached_commands()?);
                let mut command = program(program_name)?;
                let status =
                    command.args([&subject, "measure", &requests.to_string()]).envs(environment.clone()).status()?;
                ensure!(status.success(), "`{subject}` failed");
                anyhow::Ok(redis.redis_reads()? - before.0 + memcached.memcached_commands()? - before.1)
            };
            let few = run(WARM_UP)?;
            let many = run(WARM_UP + REQUESTS)?;
            numbers.insert(subject, (many as f64 - few as f64) / f64::from(REQUESTS));
        }
    }
    save(PART, &numbers)
}

/// Place and label, the program, and the subject without its kind.
fn rows() -> impl Iterator<Item = (String, &'static str, &'static str)> {
    CANDIDATES
        .into_iter()
        .filter(|candidate| candidate.place == "in Redis")
        .map(|candidate| (format!("in Redis | {}", candidate.label), candidate.program, candidate.name))
        .chain([("in memcached | session-tower, signed".to_owned(), "subject", "axum/memcached")])
}

/// Its section.
///
/// # Errors
///
/// If it was never measured.
pub fn report() -> Result<String> {
    let numbers: Numbers = load(PART)?;
    let mut text = String::from(
        "## Round trips\n\n\
         Per request, by the counters of Redis (reads from clients) and memcached (commands).\n\n\
         | | | untouched | read | write |\n|---|---|---:|---:|---:|\n",
    );
    for (label, _, name) in rows() {
        write!(text, "| {label} |")?;
        for work in Work::ALL {
            let count = numbers.get(&format!("{name}/{}", work.name())).context("a candidate was never measured")?;
            write!(text, " {} |", (count * 10.0).round() / 10.0)?;
        }
        text.push('\n');
    }
    Ok(text)
}
