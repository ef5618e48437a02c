//! Sessions in SQL databases.

mod program;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use session_test_support::{Endpoint, PostgresServer};

use crate::results::{load, median, of, save, thousands};
use program::{Place, Program, instructions};

const PART: &str = "sql";

/// The number of turns. In each turn, all subjects of a database are measured one after the other.
const TURNS: usize = 5;

/// The milliseconds of a subject's turn, and those before it that are not measured.
const TURN: u32 = 500;
const WARM_UP: u32 = 100;

/// The requests of one client alone, in each turn.
const ALONE: u32 = 300;

/// The sessions of each of the 32 clients.
const SESSIONS: u32 = 100;

const WORKS: [&str; 2] = ["read", "write"];

/// A database, with the settings that matter.
struct Database {
    label: &'static str,
    is_server: bool,
    /// A commit waits until it is on disk, in a file too.
    is_flushed: bool,
}

const DATABASES: [Database; 3] = [
    Database { label: "SQLite, synchronous = NORMAL", is_server: false, is_flushed: false },
    Database { label: "SQLite, synchronous = FULL", is_server: false, is_flushed: true },
    Database { label: "PostgreSQL", is_server: true, is_flushed: true },
];

struct Subject {
    label: &'static str,
    program: &'static str,
    name: &'static str,
}

const BARE: Subject = Subject { label: "the bare statement", program: "sql-ours", name: "bare" };
const PEER: Subject = Subject { label: "tower-sessions-sqlx-store 0.15", program: "sql-peer", name: "peer" };
const BY_URL: Subject = Subject { label: "**session-sql, by URL**", program: "sql-ours", name: "url" };
const ON_POOL: Subject = Subject { label: "**session-sql, on a pool**", program: "sql-ours", name: "pool" };

impl Database {
    /// A file that is opened by URL is always `NORMAL`.
    fn subjects(&self) -> &'static [Subject] {
        if self.is_server || !self.is_flushed { &[BARE, PEER, BY_URL, ON_POOL] } else { &[BARE, PEER, ON_POOL] }
    }
}

/// The numbers by the label of the database and the name of the subject.
type Numbers = BTreeMap<String, BTreeMap<String, Measured>>;

/// The numbers of a subject, by the work.
type Measured = BTreeMap<String, Work>;

#[derive(Default, Deserialize, Serialize)]
struct Work {
    /// The requests a second of all clients, in each turn.
    together: Vec<f64>,
    /// The microseconds of one client's requests in each turn, at the median and the 99th percentile.
    alone: Vec<[f64; 2]>,
    /// The round trips of a request to a server.
    round_trips: Option<f64>,
    /// The instructions of a request in the process that sends it. They are counted once for both settings of a file.
    instructions: Option<f64>,
}

/// Measures all databases.
///
/// # Errors
///
/// Returns an error if a program or the server fails.
pub fn measure() -> Result<()> {
    let server = PostgresServer::start(&["fsync=on"]);
    let folder = Folder::new()?;
    let mut numbers = Numbers::new();
    for database in &DATABASES {
        let place = |subject: &Subject| Place {
            program: subject.program,
            subject: subject.name,
            url: match database.is_server {
                true => server.url(),
                false => {
                    let name = format!("{}-{}.db", subject.name, database.is_flushed);
                    format!("sqlite:{}", folder.file(&name).display())
                }
            },
            is_flushed: database.is_flushed,
        };
        let mut measured = in_turn(database, &place)?;
        for subject in database.subjects() {
            for work in WORKS {
                let numbers = measured.entry(subject.name.to_owned()).or_default().entry(work.to_owned()).or_default();
                if database.is_server {
                    numbers.round_trips = Some(round_trips(&server, place(subject), work)?);
                }
                if database.is_server || !database.is_flushed {
                    numbers.instructions = Some(instructions(&place(subject), work)?);
                }
            }
        }
        numbers.insert(database.label.to_owned(), measured);
    }
    save(PART, &numbers)
}

/// Measures the times of all subjects of a database, in turn.
fn in_turn(database: &Database, place: &impl Fn(&Subject) -> Place) -> Result<BTreeMap<String, Measured>> {
    let start = |subject| anyhow::Ok((subject, Program::start(&place(subject), SESSIONS)?));
    let mut programs = database.subjects().iter().map(start).collect::<Result<Vec<_>>>()?;
    let mut measured = BTreeMap::<String, Measured>::new();
    for _ in 0..TURNS {
        for work in WORKS {
            for (subject, program) in &mut programs {
                program.together(work, WARM_UP)?;
                let (together, alone) = (program.together(work, TURN)?, program.alone(work, ALONE)?);
                eprintln!("{}, {}, {work}: {together:.0} requests/s, {alone:.0?} µs", database.label, subject.name);
                let numbers = measured.entry(subject.name.to_owned()).or_default().entry(work.to_owned()).or_default();
                numbers.together.push(together);
                numbers.alone.push(alone);
            }
        }
        // Another subject is the first of the next turn.
        programs.rotate_left(1);
    }
    Ok(measured)
}

/// Returns the round trips of a request, as a proxy in front of the server counts them.
fn round_trips(server: &PostgresServer, place: Place, work: &str) -> Result<f64> {
    let proxy = Endpoint::to(server.port);
    let url = place.url.replace(&format!(":{}/", server.port), &format!(":{}/", proxy.port()));
    let mut program = Program::start(&Place { url, ..place }, 1)?;
    program.alone(work, ALONE)?;
    let before = proxy.requests();
    program.alone(work, ALONE)?;
    Ok((proxy.requests() - before) as f64 / f64::from(ALONE))
}

/// The folder of the files, which is removed at the end.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("session-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Writes the section of this part.
///
/// # Errors
///
/// Returns an error if this part has not been measured.
pub fn report() -> Result<String> {
    let numbers: Numbers = load(PART)?;
    let mut text = INTRODUCTION.to_owned();
    for database in &DATABASES {
        let measured = of(&numbers, database.label)?;
        write!(
            text,
            "\n| {} | read | | write | | read alone | write alone | round trips | instructions |\n\
             |---|---:|---:|---:|---:|---:|---:|---:|---:|\n",
            database.label
        )?;
        for subject in database.subjects() {
            let of_subject = |subject: &Subject, work| anyhow::Ok(of(of(measured, subject.name)?, work)?);
            let [read, write] = [of_subject(subject, WORKS[0])?, of_subject(subject, WORKS[1])?];
            write!(text, "| {} |", subject.label)?;
            for (work, name) in [(read, WORKS[0]), (write, WORKS[1])] {
                let share = median_ratio(&work.together, &of_subject(&PEER, name)?.together);
                write!(text, " {} | {share:.2} |", thousands(median(&work.together)))?;
            }
            for (work, name) in [(read, WORKS[0]), (write, WORKS[1])] {
                let p99 = |work: &Work| work.alone.iter().map(|times| times[1]).collect::<Vec<_>>();
                let multiple = median_ratio(&p99(work), &p99(of_subject(&BARE, name)?));
                write!(text, " {} µs, {multiple:.1} |", thousands(median(&p99(work))))?;
            }
            let pair = |numbers: [Option<f64>; 2], format: fn(f64) -> String| match numbers {
                [Some(read), Some(write)] => format!("{}, {}", format(read), format(write)),
                _ => "–".to_owned(),
            };
            let round_trips = pair([read.round_trips, write.round_trips], |count| format!("{count:.1}"));
            let instructions = pair([read.instructions, write.instructions], thousands);
            writeln!(text, " {round_trips} | {instructions} |")?;
        }
    }
    Ok(text)
}

const INTRODUCTION: &str = "## Sessions in SQL databases\n\n\
    Calls of the stores alone, without an adapter. 32 clients read and write 100 sessions each, on 8 connections (by URL, SQLite \
    has a ninth, which writes); no connection is tested before it is used. A write of session-sql compares the stored value with the one that was read; \
    tower-sessions-sqlx-store writes whatever is there. Writes of session-sql that wait at the same time share a commit. \
    The bare statements are a `SELECT` of the value and an `UPDATE` of \
    it, by its key. PostgreSQL flushes each commit (`fsync` and `synchronous_commit` are on), and so does SQLite with \
    `synchronous = FULL`. All subjects are measured in turn, 5 times.\n\n\
    *read*, *write*: the requests a second of all clients, the median of the turns; beside it the median of the ratios to \
    tower-sessions-sqlx-store in the same turn. *Alone*: the 99th percentile of one client's times, and its multiple of \
    the bare statement's. *Round trips*, *instructions*: of a read and a write. A proxy counts the round trips, with \
    those by which sqlx tests a connection that returns to its pool. Callgrind counts the instructions of the process \
    that sends the request, including SQLite, without the server and the kernel. It has no instructions for SHA, so the \
    comparison on PostgreSQL counts more than it costs. The bare statements and session-sql use \
    sqlx 0.9, and tower-sessions-sqlx-store uses sqlx 0.8, with an older SQLite.\n";

/// Returns the median of the ratios to the other numbers of the same turns.
fn median_ratio(numbers: &[f64], others: &[f64]) -> f64 {
    median(&numbers.iter().zip(others).map(|(number, other)| number / other).collect::<Vec<_>>())
}
