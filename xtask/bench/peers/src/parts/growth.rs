//! The growth of a request's time with the size of its session.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, Result};
use session_bench::mode::runtime;
use session_bench::session::{VISITS, Values, Work};
use session_bench::subjects::{self, config};
use session_core::SessionMap;

use super::timer::Timer;
use crate::peers;
use crate::plot::lines::{Line, Lines, Panel};
use crate::results::{load, save};

const PART: &str = "growth";

/// The nanoseconds of a request, by the name of the line and the size of the session.
#[derive(Default, serde::Deserialize, serde::Serialize)]
struct Numbers {
    by_bytes: Table,
    by_keys: Table,
}

type Table = BTreeMap<String, Vec<(u32, f64)>>;

const OURS: &str = "session-tower";
const PEER: &str = "tower-sessions";
const BYTES: [u32; 5] = [100, 1_000, 10_000, 100_000, 1_000_000];
const KEYS: [u32; 4] = [1, 10, 100, 1_000];

/// Measures all times, with sessions in memory.
///
/// # Errors
///
/// Returns an error if criterion can't write.
pub fn measure() -> Result<()> {
    let mut timer = Timer::new()?;
    let numbers = Numbers {
        by_bytes: table(&mut timer, "bytes", &BYTES, |bytes| {
            let text = "x".repeat(bytes as usize - r#"{"text":"","visits":41}"#.len());
            Values::from_iter([("text".to_owned(), text.into()), (VISITS.to_owned(), 41.into())])
        })?,
        by_keys: table(&mut timer, "keys", &KEYS, |keys| {
            let others = (1..keys).map(|number| (format!("key{number:04}"), "twelve bytes".into()));
            // The last one.
            others.chain([(VISITS.to_owned(), 41.into())]).collect()
        })?,
    };
    save(PART, &numbers)
}

fn table(timer: &mut Timer, unit: &str, sizes: &[u32], values: impl Fn(u32) -> Values) -> Result<Table> {
    let runtime = runtime();
    let mut table = Table::new();
    for work in [Work::Read, Work::Write] {
        for &size in sizes {
            let values = values(size);
            let ours = SessionMap::from_json(serde_json::to_string(&values)?)?;
            let ours = subjects::router(config("memory")?, work, ours);
            let peer = peers::router(&runtime, "tower-sessions", "memory signed", work, values)?;
            for (library, router) in [(OURS, ours), (PEER, peer)] {
                let name = format!("{library}, {}", work.name());
                let nanoseconds = timer.request(&format!("{name}, {size} {unit}"), &runtime, router)?;
                table.entry(name).or_default().push((size, nanoseconds));
            }
        }
    }
    Ok(table)
}

/// Writes the section and the plot of this part.
///
/// # Errors
///
/// Returns an error if this part has not been measured.
pub fn report() -> Result<String> {
    let numbers: Numbers = load(PART)?;
    let panel =
        |x, table: &Table| Panel { x, y: "time of a request", format: time, logarithmic: true, lines: lines(table) };
    let panels = [panel("bytes of JSON", &numbers.by_bytes), panel("keys", &numbers.by_keys)];
    Lines { title: "As the session grows: time of a request (signed cookies, in memory)", panels: &panels }
        .draw("growth.svg")?;
    Ok(format!(
        "## As the session grows\n\n\
         ![Time of a request as the session grows](growth.svg)\n\n\
         Times of a whole request in process, axum included; sessions in memory, signed cookies. One long text and a \
         number, by bytes:\n\n{}\nShort texts and a number, by keys:\n\n{}",
        markdown(&numbers.by_bytes)?,
        markdown(&numbers.by_keys)?
    ))
}

fn lines(table: &Table) -> Vec<Line> {
    let line = |(label, points): (&String, &Vec<(u32, f64)>)| Line {
        label: label.clone(),
        highlighted: label.starts_with(OURS),
        thin: label.ends_with("read"),
        points: points.iter().map(|&(size, nanoseconds)| (f64::from(size), nanoseconds)).collect(),
    };
    table.iter().rev().map(line).collect()
}

fn markdown(table: &Table) -> Result<String> {
    let first = table.values().next().context("nothing was measured")?;
    let sizes: Vec<String> = first.iter().map(|(size, _)| crate::results::thousands(f64::from(*size))).collect();
    let mut text = format!("| | {} |\n|---|{}\n", sizes.join(" | "), "---:|".repeat(sizes.len()));
    for (name, points) in table {
        let times: Vec<String> = points.iter().map(|(_, nanoseconds)| time(*nanoseconds)).collect();
        writeln!(text, "| {name} | {} |", times.join(" | "))?;
    }
    Ok(text)
}

/// Formats nanoseconds in a suitable unit.
fn time(nanoseconds: f64) -> String {
    let (number, unit) = match nanoseconds {
        1e6.. => (nanoseconds / 1e6, "ms"),
        1e3.. => (nanoseconds / 1e3, "µs"),
        _ => (nanoseconds, "ns"),
    };
    if number < 10.0 { format!("{number:.1} {unit}") } else { format!("{number:.0} {unit}") }
}
