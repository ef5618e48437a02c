//! Named steps, with their results and durations.

use std::fmt::Display;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// The steps of one command so far.
#[derive(Default)]
pub(crate) struct Steps {
    finished: Vec<Finished>,
}

struct Finished {
    name: String,
    time: Duration,
    passed: bool,
}

impl Steps {
    /// Prints the name of the step, does `work`, and records the result. The error of a failed step names the step.
    pub(crate) fn run(&mut self, name: impl Display, work: impl FnOnce() -> Result<()>) -> Result<()> {
        eprintln!("\n==> {name}");
        let start = Instant::now();
        let outcome = work();
        self.finished.push(Finished { name: name.to_string(), time: start.elapsed(), passed: outcome.is_ok() });
        outcome.with_context(|| format!("step `{name}` failed"))
    }

    /// Prints one line for each step, and nothing for a command without steps.
    pub(crate) fn print_summary(&self) {
        if self.finished.is_empty() {
            return;
        }
        eprintln!("\n==> summary");
        for Finished { name, time, passed } in &self.finished {
            let verdict = if *passed { "ok" } else { "FAILED" };
            eprintln!("{verdict:>6} {:7.1} s  {name}", time.as_secs_f64());
        }
        let total: Duration = self.finished.iter().map(|step| step.time).sum();
        eprintln!("       {:7.1} s  in all", total.as_secs_f64());
    }
}
