//! Counts by valgrind's callgrind: what one more request costs.
//!
//! A subject is run twice, the second time with [`REQUESTS`] more. The difference is theirs alone: start, first requests
//! and end are in both.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::profile::Profile;
use crate::subjects::{KNOWN_ALLOCATIONS, KNOWN_BLOCKS, KNOWN_WORK};

/// Requests that are in both runs: tables have grown, connections stand, what is lazy is done.
const WARM_UP: u32 = 300;

/// Requests that are counted.
const REQUESTS: u32 = 1000;

/// What one request costs, on average.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Counts {
    /// As valgrind's processor counts them: one that has no instructions for SHA, so that those are done in software.
    pub instructions: f64,
    /// Of the heap: calls of `malloc` and its like.
    pub allocations: f64,
    /// Blocks of 64 bytes that went through SHA-1, of the version that we use.
    pub sha1_blocks: f64,
}

impl Counts {
    /// What is left when a part is taken away.
    #[must_use]
    pub fn above(self, part: Self) -> Self {
        Self {
            instructions: self.instructions - part.instructions,
            allocations: self.allocations - part.allocations,
            sha1_blocks: self.sha1_blocks - part.sha1_blocks,
        }
    }
}

/// Counts the requests of subjects.
#[derive(Debug)]
pub struct Counter {
    /// Where the programs are, such as `subject`.
    folder: PathBuf,
    /// The variables that the programs are given.
    environment: Vec<(&'static str, String)>,
    /// Instructions for a block of SHA-1.
    sha1_block: f64,
}

impl Counter {
    /// One for the programs that stand beside this one.
    ///
    /// # Errors
    ///
    /// If there is no valgrind, or if it finds anything else than is there in work whose counts are known.
    pub fn new(environment: Vec<(&'static str, String)>) -> Result<Self> {
        let program = std::env::current_exe()?;
        let folder = program.parent().context("a program is in a folder")?.to_owned();
        // Instructions pass for blocks, until it is known how many make one.
        let mut counter = Self { folder, environment, sha1_block: 1.0 };
        let known = counter.count("subject", KNOWN_WORK)?;
        ensure!(
            known.allocations.round() == KNOWN_ALLOCATIONS as f64 && known.sha1_blocks > 0.0,
            "the counting is wrong: {KNOWN_ALLOCATIONS} allocations and {KNOWN_BLOCKS} blocks of SHA-1 gave {known:?}"
        );
        counter.sha1_block = known.sha1_blocks / KNOWN_BLOCKS as f64;
        Ok(counter)
    }

    /// What a request of the subject costs, which `program` can run.
    ///
    /// # Errors
    ///
    /// If the subject does not run to its end.
    pub fn count(&self, program: &str, subject: &str) -> Result<Counts> {
        let few = self.profile(program, subject, WARM_UP)?;
        let many = self.profile(program, subject, WARM_UP + REQUESTS)?;
        let each = |part: fn(&Profile) -> u64| (part(&many) as f64 - part(&few) as f64) / f64::from(REQUESTS);
        Ok(Counts {
            instructions: each(|profile| profile.instructions),
            allocations: each(|profile| profile.allocations),
            sha1_blocks: each(|profile| profile.sha1_instructions) / self.sha1_block,
        })
    }

    fn profile(&self, program: &str, subject: &str, requests: u32) -> Result<Profile> {
        let file = std::env::temp_dir().join(format!("session-bench-{}.callgrind", std::process::id()));
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--quiet"])
            .arg(format!("--callgrind-out-file={}", file.display()))
            .arg(self.program(program))
            .args([subject, "measure", &requests.to_string()])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()
            .context("cannot start valgrind: is it installed?")?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`{program} {subject}` failed under valgrind:\n{complaint}");
        let text = std::fs::read_to_string(&file).with_context(|| format!("valgrind wrote no {}", file.display()))?;
        std::fs::remove_file(&file)?;
        Profile::parse(&text)
    }

    fn program(&self, name: &str) -> PathBuf {
        Path::new(&self.folder).join(name)
    }
}
