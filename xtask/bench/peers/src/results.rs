//! The folder of results.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Returns the path of a file in the folder.
#[must_use]
pub fn file(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../results")).join(name)
}

/// Saves the numbers that a part has measured.
///
/// # Errors
///
/// Returns an error if the file can't be written.
pub fn save(part: &str, numbers: &impl Serialize) -> Result<()> {
    write(&format!("{part}.json"), &(serde_json::to_string_pretty(numbers)? + "\n"))
}

/// Reads the numbers that a part has measured.
///
/// # Errors
///
/// Returns an error if the part has not been measured.
pub fn load<T: DeserializeOwned>(part: &str) -> Result<T> {
    let path = file(&format!("{part}.json"));
    let text = fs::read_to_string(&path).with_context(|| format!("`{part}` was never measured"))?;
    serde_json::from_str(&text).with_context(|| format!("`{part}` was measured by another version of this program"))
}

/// Returns the numbers that were measured for a subject.
///
/// # Errors
///
/// Returns an error if the subject has not been measured.
pub fn of<'a, T>(numbers: &'a BTreeMap<String, T>, subject: &str) -> Result<&'a T> {
    numbers.get(subject).with_context(|| format!("`{subject}` was never measured"))
}

/// Writes a file of the folder.
///
/// # Errors
///
/// Returns an error if the file can't be written.
pub fn write(name: &str, text: &str) -> Result<()> {
    let path = file(name);
    fs::create_dir_all(file("")).and_then(|()| fs::write(&path, text)).with_context(|| format!("cannot write {name}"))
}

/// Writes a whole number with thousands separators: `12,345`.
#[must_use]
pub fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let (sign, digits) = digits.strip_prefix('-').map_or(("", &*digits), |digits| ("-", digits));
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).unwrap_or("")).collect();
    format!("{sign}{}", groups.join(","))
}

/// Returns the median of the results of some rounds.
///
/// # Panics
///
/// Panics without a round.
#[must_use]
pub fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
