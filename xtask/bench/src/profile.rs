//! Reads the output of callgrind.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};

/// Counts of a whole run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Instructions.
    pub instructions: u64,
    /// Calls of the functions of the C library that allocate memory.
    pub allocations: u64,
    /// Instructions within SHA-1's compression function.
    pub sha1_instructions: u64,
}

/// The functions that Rust's allocator calls.
const ALLOCATING: [&str; 5] = ["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc"];

impl Profile {
    /// Reads callgrind's format: <https://valgrind.org/docs/manual/cl-format.html>.
    ///
    /// # Errors
    ///
    /// Returns an error if the text has another format.
    pub fn parse(text: &str) -> Result<Self> {
        let mut profile = Self::default();
        let mut names = Names::default();
        let mut caller = "";
        let mut callee = "";
        // The line after a `calls` line has the cost of these calls, which the callee's own lines contain too.
        let mut is_call = false;
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("fn=") {
                caller = names.resolve(name)?;
            } else if let Some(name) = line.strip_prefix("cfn=") {
                callee = names.resolve(name)?;
            } else if let Some(calls) = line.strip_prefix("calls=") {
                is_call = true;
                // A call from one of these functions to another, inside the library, has been counted already.
                if ALLOCATING.contains(&callee) && !ALLOCATING.contains(&caller) {
                    let count = calls.split(' ').next().unwrap_or(calls);
                    profile.allocations += count.parse::<u64>().with_context(|| format!("`{line}`"))?;
                }
            } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
                if std::mem::take(&mut is_call) {
                    continue;
                }
                let cost = line.split(' ').nth(1).with_context(|| format!("`{line}` has no cost"))?;
                let cost: u64 = cost.parse().with_context(|| format!("`{line}`"))?;
                profile.instructions += cost;
                if caller.contains("sha1::") && caller.contains("::compress") {
                    profile.sha1_instructions += cost;
                }
            }
        }
        if profile.instructions == 0 {
            bail!("callgrind has counted nothing");
        }
        Ok(profile)
    }
}

/// Resolves a name. Callgrind writes it once, after its number, and only the number from then on: `(7) malloc`, `(7)`.
#[derive(Default)]
struct Names<'a> {
    known: HashMap<&'a str, &'a str>,
}

impl<'a> Names<'a> {
    fn resolve(&mut self, written: &'a str) -> Result<&'a str> {
        match written.split_once(' ') {
            Some((number, name)) => {
                self.known.insert(number, name);
                Ok(name)
            }
            None => self.known.get(written).copied().with_context(|| format!("`{written}` was not named before")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "version: 1\nevents: Ir\n\nfn=(1) main\n10 5\ncfn=(2) malloc\ncalls=3 20\n+1 300\n* 7\n\
        cfn=(3) sha1::compress::soft::compress\ncalls=2 1\n12 2800\n\nfn=(2)\n20 290\ncfn=(4) calloc\ncalls=9 1\n20 10\n\n\
        fn=(3)\n1 2800\n\nfn=(4)\n1 10\n\ntotals: 3112\n";

    #[test]
    fn own_costs_are_added_up_and_those_of_calls_are_not() {
        let profile = Profile::parse(TEXT).expect("this is the format");
        assert_eq!(profile, Profile { instructions: 3112, allocations: 3, sha1_instructions: 2800 });
    }

    #[test]
    fn a_text_of_another_format_is_refused() {
        for text in ["", "fn=(1)\n1 1\n", "fn=(1) a\n1\n"] {
            assert!(Profile::parse(text).is_err(), "{text:?}");
        }
    }
}
