//! The findings of an exploration, for people.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use super::checks;
use super::program::Operation;
use super::record::{Cookie, Fault, Record};
use super::stores::Kind;

/// The number of runs, and the rules that they broke.
#[derive(Default)]
pub(super) struct Report {
    pub(super) runs: usize,
    pub(super) violations: BTreeMap<Violation, Found>,
}

/// A rule that a program broke after a fault of this kind.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Violation {
    pub(super) check: &'static str,
    pub(super) program: Vec<Operation>,
    pub(super) fault: Option<Fault>,
    pub(super) kind: Kind,
}

/// The number of runs that broke a rule, and the shortest of them.
pub(super) struct Found {
    runs: usize,
    events: usize,
    example: String,
}

impl Report {
    pub(super) fn add(&mut self, kind: Kind, program: &[Operation], record: &Record) {
        self.runs += 1;
        for check in checks::broken(record) {
            let violation = Violation { check, program: program.to_vec(), fault: record.fault(), kind };
            let events = record.log.len();
            let found = self.violations.entry(violation).or_insert(Found {
                runs: 0,
                events: usize::MAX,
                example: String::new(),
            });
            found.runs += 1;
            if events < found.events {
                (found.events, found.example) = (events, describe(record));
            }
        }
    }
}

impl Extend<Self> for Report {
    fn extend<T: IntoIterator<Item = Self>>(&mut self, reports: T) {
        for report in reports {
            self.runs += report.runs;
            self.violations.extend(report.violations);
        }
    }
}

/// Tells a run: its events in order, then the answers, then the stored data.
fn describe(record: &Record) -> String {
    let mut text = String::new();
    for event in &record.log {
        let operation = record.requests[event.request].operation;
        let _ = write!(text, "{}:{operation:?}.{}", event.request, event.call);
        if let Some(fault) = event.fault {
            let _ = write!(text, "!{fault:?}");
        }
        text.push(' ');
    }
    for (number, request) in record.requests.iter().enumerate() {
        let cookie = match request.cookie() {
            Cookie::None => "no cookie".to_owned(),
            Cookie::Removal => "removal".to_owned(),
            Cookie::Session(key) => match record.creator(key) {
                Some(creator) => format!("cookie of {creator}'s session"),
                None => "cookie of the shared session".to_owned(),
            },
        };
        let status = request.status().map_or("dropped".to_owned(), |status| status.to_string());
        let _ = write!(text, "\n        {number}:{:?} {status}, {cookie}", request.operation);
    }
    let _ = write!(text, "\n        stored: {:?}", record.shared);
    for other in &record.others {
        let _ = write!(text, "; by {}: {:?}", other.by, other.data);
    }
    text
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} distinct runs, {} kinds of violations", self.runs, self.violations.len())?;
        for (violation, found) in &self.violations {
            let Violation { check, program, fault, kind } = violation;
            writeln!(f, "- {check}: {program:?}, {kind:?} store, {fault:?}, {} runs", found.runs)?;
            writeln!(f, "        {}", found.example)?;
        }
        Ok(())
    }
}
