//! Tables of many sessions, and their clean-up.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use session_bench::session::VALUES;
use session_test_support::PostgresServer;

use super::sql::Folder;
use crate::candidates::program;
use crate::results::{load, of, save, thousands};

const PART: &str = "sql-growth";

const DATABASES: [&str; 2] = ["SQLite", "PostgreSQL"];

/// The numbers by the database.
type Numbers = BTreeMap<String, Measured>;

#[derive(Deserialize, Serialize)]
struct Measured {
    /// The times of calls by their kind, by the number of rows.
    by_rows: BTreeMap<u32, BTreeMap<String, Times>>,
    clean_up: CleanUp,
}

/// Microseconds at the median and the 99th percentile.
type Times = [f64; 2];

#[derive(Deserialize, Serialize)]
struct CleanUp {
    /// The rows that were deleted, and the time that this took.
    rows: u32,
    seconds: f64,
    /// The times of writes without the clean-up, and during it.
    alone: Times,
    beside: Times,
}

/// Measures both databases.
///
/// # Errors
///
/// Returns an error if a database fails.
pub fn measure() -> Result<()> {
    let (server, folder) = (PostgresServer::start(&["fsync=on"]), Folder::new()?);
    let urls = [format!("sqlite:{}", folder.file("growth").display()), server.url()];
    let mut numbers = Numbers::new();
    for (database, url) in DATABASES.iter().zip(urls) {
        let output = program("sql-growth")?.args([&url, VALUES]).output()?;
        ensure!(output.status.success(), "{database}: {}", String::from_utf8_lossy(&output.stderr));
        numbers.insert((*database).to_owned(), serde_json::from_slice(&output.stdout)?);
    }
    save(PART, &numbers)
}

/// Writes the section of this part.
///
/// # Errors
///
/// Returns an error if this part has not been measured.
pub fn report() -> Result<String> {
    let numbers: Numbers = load(PART)?;
    let mut text = String::from(
        "## As an SQL table grows\n\n\
         Times of calls of session-sql alone, one client, at the median and the 99th percentile. A list has the \
         five sessions of a user. The rows are far apart, and the table is in the cache.\n\n\
         | | rows | read | write | list |\n|---|---:|---:|---:|---:|\n",
    );
    let cell = |[median, p99]: Times| format!("{}, {} µs", thousands(median), thousands(p99));
    for database in DATABASES {
        for (rows, calls) in &of(&numbers, database)?.by_rows {
            write!(text, "| {database} | {} |", thousands(f64::from(*rows)))?;
            for call in ["read", "write", "list"] {
                write!(text, " {} |", cell(*of(calls, call)?))?;
            }
            text.push('\n');
        }
    }
    text.push_str(
        "\nThe clean-up of expired rows beside a million sessions, while each of 8 clients writes again and again, with \
         a pause of 5 ms. The task deletes 500 rows at a time, and pauses for 100 ms.\n\n\
         | | rows deleted | seconds | a write without the clean-up | a write during it |\n|---|---:|---:|---:|---:|\n",
    );
    for database in DATABASES {
        let CleanUp { rows, seconds, alone, beside } = &of(&numbers, database)?.clean_up;
        let (rows, alone, beside) = (thousands(f64::from(*rows)), cell(*alone), cell(*beside));
        writeln!(text, "| {database} | {rows} | {seconds:.0} | {alone} | {beside} |")?;
    }
    Ok(text)
}
