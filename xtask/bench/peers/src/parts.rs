//! The parts of the report.

pub mod growth;
pub mod keys;
pub mod machine;
pub mod requests;
pub mod round_trips;
pub mod sql;
pub mod sql_growth;
pub mod stored;
pub mod throughput;
mod timer;
pub mod times;

use anyhow::Result;

/// One part.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The name on the command line.
    pub name: &'static str,
    /// Measures, and saves the numbers.
    pub measure: fn() -> Result<()>,
    /// Makes the section and the plots.
    pub report: fn() -> Result<String>,
}

/// All parts, in the order of the report.
pub const PARTS: [Part; 9] = [
    Part { name: "requests", measure: requests::measure, report: requests::report },
    Part { name: "throughput", measure: throughput::measure, report: throughput::report },
    Part { name: "round-trips", measure: round_trips::measure, report: round_trips::report },
    Part { name: "times", measure: times::measure, report: times::report },
    Part { name: "growth", measure: growth::measure, report: growth::report },
    Part { name: "keys", measure: keys::measure, report: keys::report },
    Part { name: "stored", measure: stored::measure, report: stored::report },
    Part { name: "sql", measure: sql::measure, report: sql::report },
    Part { name: "sql-growth", measure: sql_growth::measure, report: sql_growth::report },
];
