//! The memory that stored sessions take, and the time of a request that uses one.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, Result};

use crate::candidates::{CANDIDATES, Candidate, program};
use crate::plot::lines::{Line, Lines, Panel};
use crate::results::{load, of, save, thousands};
use session_bench::session::Work;

const PART: &str = "stored";

const SESSIONS: [u32; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// For each candidate by its name: the number of sessions, the bytes of each, the nanoseconds of a request that reads.
type Numbers = BTreeMap<String, Vec<(u32, f64, f64)>>;

/// A subject for each store in memory.
fn candidates() -> impl Iterator<Item = Candidate> {
    let names = ["axum/memory", "tower-sessions/memory signed", "axum_session/memory unsigned"];
    CANDIDATES.into_iter().filter(move |candidate| names.contains(&candidate.name))
}

/// Fills the stores, each in its own process.
///
/// # Errors
///
/// Returns an error if a store does not answer.
pub fn measure() -> Result<()> {
    let mut numbers = Numbers::new();
    for candidate in candidates() {
        for sessions in SESSIONS {
            let mut command = program(candidate.program)?;
            let output = command.args([&candidate.subject(Work::Read), "fill", &sessions.to_string()]).output()?;
            let printed = String::from_utf8(output.stdout)?;
            let (bytes, nanoseconds) =
                printed.trim().split_once(' ').with_context(|| format!("{} printed `{printed}`", candidate.name))?;
            eprintln!("{}, {sessions} sessions: {bytes} bytes each, {nanoseconds} ns", candidate.name);
            let row = (sessions, bytes.parse()?, nanoseconds.parse()?);
            numbers.entry(candidate.name.to_owned()).or_default().push(row);
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
    let mut rows = Vec::new();
    for candidate in candidates() {
        rows.push((candidate, of(&numbers, candidate.name)?));
    }
    let lines = |value: fn(&(u32, f64, f64)) -> f64| {
        let line = |(candidate, points): &(Candidate, &Vec<(u32, f64, f64)>)| Line {
            label: candidate.label.to_owned(),
            highlighted: candidate.is_ours(),
            thin: false,
            points: points.iter().map(|point| (f64::from(point.0), value(point))).collect(),
        };
        rows.iter().map(line).collect::<Vec<_>>()
    };
    let panels = [
        Panel {
            x: "sessions",
            y: "bytes per session",
            format: thousands,
            logarithmic: false,
            lines: lines(|point| point.1),
        },
        Panel {
            x: "sessions",
            y: "a request that reads, ns",
            format: thousands,
            logarithmic: false,
            lines: lines(|point| point.2),
        },
    ];
    Lines { title: "As the number of sessions in memory grows", panels: &panels }.draw("stored.svg")?;

    let sizes = SESSIONS.map(|sessions| thousands(f64::from(sessions))).join(" | ");
    let mut text = format!(
        "## As the number of stored sessions grows\n\n\
         ![Bytes per session and time of a request](stored.svg)\n\n\
         Memory that the process takes for each session, in bytes, and the time of a whole request in process that reads \
         one of up to 20,000 sessions in turn.\n\n| sessions in memory | {sizes} |\n|---|{}\n",
        "---:|".repeat(SESSIONS.len())
    );
    for (candidate, points) in rows {
        let cells: Vec<String> =
            points.iter().map(|(_, bytes, time)| format!("{} B, {} ns", thousands(*bytes), thousands(*time))).collect();
        writeln!(text, "| {} | {} |", candidate.label, cells.join(" | "))?;
    }
    Ok(text)
}
