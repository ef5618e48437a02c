//! Instructions and allocations of a request, ours and the peers', and what ours are made of.

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

/// Counts of a subject's request, nothing taken away, by the program and the subject.
type Numbers = BTreeMap<String, BTreeMap<String, Counts>>;

const EMPTY_LAYER: &str = "axum/empty layer";
const MAC_OF_ID: &str = "part/mac of an id";
const MAC_OF_SESSION: &str = "part/mac of a session";
const GET: &str = "part/redis get";
const GET_AND_SCRIPT: &str = "part/redis get and script";

/// Counts everything.
///
/// # Errors
///
/// If a subject does not run.
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
    for part in [EMPTY_LAYER, MAC_OF_ID, MAC_OF_SESSION, GET, GET_AND_SCRIPT] {
        count(OURS, part.to_owned())?;
    }
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

/// Its section and plot.
///
/// # Errors
///
/// If it was never measured.
pub fn report() -> Result<String> {
    let numbers: Numbers = load(PART)?;
    plot(&numbers)?;
    Ok(format!(
        "## Instructions and allocations\n\n\
         ![Instructions per request, above the bare application](requests.svg)\n\n\
         Per request, handled in process and counted by callgrind, above the same application without sessions.\n\n\
         {}\n{}",
        table(&numbers)?,
        floor(&numbers)?
    ))
}

fn table(numbers: &Numbers) -> Result<String> {
    let mut text = String::from("| | | untouched | read | write |\n|---|---|---:|---:|---:|\n");
    for candidate in CANDIDATES {
        let label = if candidate.is_ours() { format!("**{}**", candidate.label) } else { candidate.label.into() };
        write!(text, "| {} | {label} |", candidate.place)?;
        for work in Work::ALL {
            let counts = above(numbers, candidate.program, &candidate.subject(work), candidate.bare)?;
            write!(text, " {}, {:.0} |", thousands(counts.instructions), counts.allocations)?;
        }
        text.push('\n');
    }
    Ok(text)
}

/// What each of our requests in axum can't do without, beside what it takes.
fn floor(numbers: &Numbers) -> Result<String> {
    let part = |name: &str| counts(numbers, OURS, name);
    let layer = above(numbers, OURS, EMPTY_LAYER, "axum/bare")?;
    let (id, session) = (part(MAC_OF_ID)?, part(MAC_OF_SESSION)?);
    let (get, script) = (part(GET)?, part(GET_AND_SCRIPT)?);
    let rows: [(&str, &str, &[Counts]); 9] = [
        ("axum/memory/untouched", "an empty layer", &[layer]),
        ("axum/memory/read", "and the MAC of an id", &[layer, id]),
        ("axum/memory/write", "the same", &[layer, id]),
        ("axum/cookie/untouched", "an empty layer", &[layer]),
        ("axum/cookie/read", "and the MAC of the session", &[layer, session]),
        ("axum/cookie/write", "and the MAC of the new one", &[layer, session, session]),
        ("axum/redis/untouched", "an empty layer", &[layer]),
        ("axum/redis/read", "and the MAC of an id, and the client's `GET`", &[layer, id, get]),
        ("axum/redis/write", "and its `EVALSHA`", &[layer, id, script]),
    ];
    let mut text = String::from(
        "What nobody can do without, each measured alone, and what ours take beside it:\n\n\
         | request | its floor | instructions, allocations | ours | SHA-1 blocks |\n|---|---|---:|---:|---:|\n",
    );
    for (subject, what, floor) in rows {
        let instructions: f64 = floor.iter().map(|part| part.instructions).sum();
        let allocations: f64 = floor.iter().map(|part| part.allocations).sum();
        let ours = above(numbers, OURS, subject, "axum/bare")?;
        writeln!(
            text,
            "| {} | {what} | {}, {allocations:.0} | {}, {:.0} | {:.0} |",
            subject.trim_start_matches("axum/").replace('/', ", "),
            thousands(instructions),
            thousands(ours.instructions),
            ours.allocations,
            ours.sha1_blocks,
        )?;
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
