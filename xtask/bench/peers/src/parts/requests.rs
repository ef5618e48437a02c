//! The instructions and allocations of a request, for this project, the other crates and the floor.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, Result};
use session_bench::callgrind::{Counter, Counts};
use session_bench::server::Servers;
use session_bench::session::Work;

use crate::candidates::{CANDIDATES, OURS, PEER};
use crate::plot::bars::{Bars, Group};
use crate::results::{load, save, thousands};

const PART: &str = "requests";

/// The counts of a subject's request by program and subject, with nothing subtracted.
type Numbers = BTreeMap<String, BTreeMap<String, Counts>>;

/// Counts all subjects.
///
/// # Errors
///
/// Returns an error if a subject does not run.
pub fn measure() -> Result<()> {
    let servers = Servers::start()?;
    let counter = Counter::new(servers.environment())?;
    let mut numbers = Numbers::new();
    let mut count = |program: &str, subject: String| {
        let counts = counter.count(program, &subject)?;
        eprintln!("{subject}: {:.0} instructions, {:.1} allocations", counts.instructions, counts.allocations);
        numbers.entry(program.to_owned()).or_default().insert(subject, counts);
        anyhow::Ok(())
    };
    for program in [OURS, PEER] {
        count(program, "axum/bare".to_owned())?;
        count(program, "actix/bare".to_owned())?;
    }
    for candidate in CANDIDATES {
        for work in Work::ALL {
            count(candidate.program, candidate.subject(work))?;
        }
    }
    save(PART, &numbers)
}

/// Writes the section and the plot of this part.
///
/// # Errors
///
/// Returns an error if this part has not been measured.
pub fn report() -> Result<String> {
    let numbers: Numbers = load(PART)?;
    plot(&numbers)?;
    Ok(format!(
        "## Instructions and allocations\n\n\
         ![Instructions per request, above the bare application](requests.svg)\n\n\
         Instructions and allocations of a request, handled in process and counted by callgrind, above those of the same \
         application without sessions.\n\n\
         {}\n\
         The floor is an application in axum that does only what no session layer can do without. It has an empty layer; \
         for a read or a write it verifies the signature of the cookie; where sessions live in the cookie, a write signs \
         and sends a new one; in Redis a read and a write `GET` a value by the client of Redis, and a write then \
         calls a script that compares nothing, by `EVALSHA`. No call has a time limit.\n",
        table(&numbers)?,
    ))
}

fn table(numbers: &Numbers) -> Result<String> {
    let mut text = String::from("| | | untouched | read | write |\n|---|---|---:|---:|---:|\n");
    for candidate in CANDIDATES {
        write!(text, "| {} | {} |", candidate.place, candidate.cell())?;
        for work in Work::ALL {
            let counts = above(numbers, candidate.program, &candidate.subject(work), candidate.bare)?;
            write!(text, " {}, {:.0} |", thousands(counts.instructions), counts.allocations)?;
        }
        text.push('\n');
    }
    Ok(text)
}

fn plot(numbers: &Numbers) -> Result<()> {
    let mut groups: Vec<Group> = Vec::new();
    for candidate in CANDIDATES {
        let mut values = Vec::new();
        for work in Work::ALL {
            values.push(above(numbers, candidate.program, &candidate.subject(work), candidate.bare)?.instructions);
        }
        Group::add(&mut groups, &candidate, values);
    }
    let columns = Work::ALL.map(Work::name);
    Bars {
        title: "What a session adds to a request: instructions (less is better)",
        columns: &columns,
        groups: &groups,
        whole: None,
        format: thousands,
    }
    .draw("requests.svg")
}

fn above(numbers: &Numbers, program: &str, subject: &str, bare: &str) -> Result<Counts> {
    Ok(counts(numbers, program, subject)?.above(counts(numbers, program, bare)?))
}

fn counts(numbers: &Numbers, program: &str, subject: &str) -> Result<Counts> {
    let counts = numbers.get(program).and_then(|program| program.get(subject)).copied();
    counts.with_context(|| format!("`{subject}` was never measured"))
}
