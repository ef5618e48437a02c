//! A description of the machine and the programs that the numbers were measured with.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

/// Returns the description in one line.
///
/// # Errors
///
/// Returns an error if a program is missing.
pub fn describe() -> Result<String> {
    let processors = fs::read_to_string("/proc/cpuinfo")?;
    let model =
        processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|pair| pair.1);
    let count = processors.lines().filter(|line| line.starts_with("processor")).count();
    let programs = [&["rustc", "--version"], &["valgrind", "--version"], &["redis-server", "--version"]].map(|words| {
        let output = Command::new(words[0]).arg(words[1]).output().with_context(|| format!("no {}", words[0]))?;
        anyhow::Ok(String::from_utf8(output.stdout)?)
    });
    let [rustc, valgrind, redis] = programs;
    let (rustc, valgrind, redis) = (rustc?, valgrind?, redis?);
    let first_words = |text: &str| text.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    let redis = redis.split_whitespace().find_map(|word| word.strip_prefix("v=")).unwrap_or("of unknown version");
    let model = model.unwrap_or("unknown processor");
    Ok(format!("{model}, {count} cores; {}; {}; Redis {redis}", first_words(&rustc), valgrind.trim()))
}
