//! The house rules that a program can check.
//!
//! A rule is a function from text to the places that break the rule, so that each rule can be tested on a bad sample
//! and a good one. [`FILE_RULES`] lists the rules that read one file at a time; [`check`] calls the others.

mod adapters;
mod circles;
mod links;
mod log_lines;
mod manifests;
mod modules;
mod named_tests;
mod text;
mod trees;
mod voice;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;

use anyhow::{Context, Result, bail};

use crate::metadata::members;
use crate::process::{program, read, root};

const FILE_RULES: &[fn(&File) -> Vec<Finding>] = &[
    text::trailing_whitespace,
    text::final_newline,
    text::tabs,
    text::placeholders,
    text::literal_secrets,
    text::ignored_tests,
    text::ignored_examples,
    text::machine_paths,
    text::getters,
    text::reasonless_exceptions,
    adapters::decisions,
    voice::vague_words,
    voice::references_elsewhere,
    voice::doc_openings,
    voice::long_names,
];

/// Applies every rule, and lists all findings.
pub(crate) fn check() -> Result<()> {
    let files = files()?;
    let members = members()?;

    let mut findings: Vec<Finding> =
        files.iter().flat_map(|file| FILE_RULES.iter().flat_map(|rule| rule(file))).collect();
    findings.extend(modules::long(&files, modules::LONG_FOR_A_REASON));
    findings.extend(circles::circles(&files));
    findings.extend(links::dead(&files, |path| root().join(path).exists()));
    findings.extend(log_lines::unexplained(&files));
    findings.extend(named_tests::missing(&files));
    findings.extend(manifests::check(&files, &members));
    findings.extend(trees::check()?);
    findings.sort();

    for finding in &findings {
        eprintln!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings, listed above", findings.len());
    }
    eprintln!("{} files and {} packages are tidy", files.len(), members.len());
    Ok(())
}

/// A text file of the project.
pub(crate) struct File {
    /// From the root of the repository, with `/` between the folders.
    path: String,
    text: String,
}

/// One place where a rule is broken.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// A file, or a package.
    place: String,
    line: Option<usize>,
    /// The rule, and its reason.
    message: String,
}

impl Finding {
    fn new(place: &str, line: impl Into<Option<usize>>, message: impl Into<String>) -> Self {
        Self { place: place.to_owned(), line: line.into(), message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.place, self.message),
            None => write!(f, "{}: {}", self.place, self.message),
        }
    }
}

impl File {
    fn is(&self, extension: &str) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, found)| found == extension)
    }

    /// Returns `true` for the source of a crate or of xtask, without tests and examples.
    fn is_module(&self) -> bool {
        self.is("rs")
            && (self.path.starts_with("crates/") || self.path.starts_with("xtask/"))
            && self.path.contains("/src/")
    }

    /// Returns the lines with their numbers, from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.split('\n'))
    }

    /// Returns a finding for each line that breaks a rule.
    fn flag_lines(&self, message: &str, breaks_rule: impl Fn(&str) -> bool) -> Vec<Finding> {
        self.lines()
            .filter(|(_, line)| breaks_rule(line))
            .map(|(number, _)| Finding::new(&self.path, number, message))
            .collect()
    }
}

/// Returns the text files that git tracks, or would track after `git add --all`.
fn files() -> Result<Vec<File>> {
    let mut git = program("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listing = read(&mut git)?;
    let paths: BTreeSet<&str> = listing.split_terminator('\0').collect();
    let mut files = Vec::new();
    for path in paths {
        // A tracked file may be deleted in the work tree.
        if !root().join(path).is_file() {
            continue;
        }
        let bytes = fs::read(root().join(path)).with_context(|| format!("cannot read {path}"))?;
        // A file that is not UTF-8 is not text.
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(File { path: path.to_owned(), text });
        }
    }
    Ok(files)
}

#[cfg(test)]
fn sample(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}
