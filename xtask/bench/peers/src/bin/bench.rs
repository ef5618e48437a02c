//! Measures, and writes `xtask/bench/results`. `cargo xtask bench` runs it.
//!
//! Arguments name the parts to measure, see [`PARTS`]; `report` measures nothing. Without arguments everything is measured.

use anyhow::{Result, bail};
use session_bench_peers::parts::{PARTS, machine};
use session_bench_peers::results;

fn main() -> Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let names = PARTS.map(|part| part.name);
    if let Some(unknown) = wanted.iter().find(|name| *name != "report" && !names.contains(&&***name)) {
        bail!("no part is called `{unknown}`: there are {}, report", names.join(", "));
    }

    for part in PARTS {
        if wanted.is_empty() || wanted.iter().any(|name| name == part.name) {
            eprintln!("\n--> {}", part.name);
            (part.measure)()?;
            results::save("machine", &machine::describe()?)?;
        }
    }

    let mut sections = vec![introduction()?];
    for part in PARTS {
        sections.push((part.report)()?);
    }
    results::write("RESULTS.md", &sections.join("\n"))
}

fn introduction() -> Result<String> {
    let machine: String = results::load("machine")?;
    Ok(format!(
        "# What a request costs: the numbers\n\n\
         Written by `cargo xtask bench`, measured on {machine}; `cargo build --release` with one codegen unit.\n\n\
         Every application answers `GET /` with a signed cookie (unsigned where it says so) of a session of about 200 bytes \
         of JSON under six keys. *untouched*: the handler does not ask for the session; *read*: it reads a number; \
         *write*: it adds one to that number. Each request sends the first cookie of its session.\n"
    ))
}
