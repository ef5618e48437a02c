//! Counts the cost of one more request with valgrind's callgrind.
//!
//! A subject is run twice, the second time with [`REQUESTS`] more. The difference is the cost of these requests alone,
//! because both runs contain the start, the first requests and the end.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::profile::Profile;
use crate::subjects::{KNOWN_ALLOCATIONS, KNOWN_BLOCKS, KNOWN_WORK};

/// Requests of both runs. After them tables have grown, connections are open, and lazy values are initialized.
const WARM_UP: u32 = 300;

/// The number of requests that are counted.
const REQUESTS: u32 = 1000;

/// The average cost of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Counts {
    /// Instructions, as valgrind counts them. Its processor has none for SHA, so SHA is computed in software.
    pub instructions: f64,
    /// Heap allocations: calls of `malloc` and its like.
    pub allocations: f64,
    /// Blocks of 64 bytes that went through the version of SHA-1 that this project uses.
    pub sha1_blocks: f64,
}

impl Counts {
    /// Subtracts the counts of a part.
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
    /// The folder of the programs, such as `subject`.
    folder: PathBuf,
    /// The environment variables of the programs.
    environment: Vec<(&'static str, String)>,
    /// The number of instructions for a block of SHA-1.
    sha1_block: f64,
}

impl Counter {
    /// Creates a counter for the programs in the folder of this one.
    ///
    /// # Errors
    ///
    /// Returns an error if valgrind is missing, or if it counts work of a known size wrongly.
    pub fn new(environment: Vec<(&'static str, String)>) -> Result<Self> {
        let program = std::env::current_exe()?;
        let folder = program.parent().context("a program is in a folder")?.to_owned();
        // With 1 here, `sha1_blocks` is a number of instructions, from which the size of a block follows.
        let mut counter = Self { folder, environment, sha1_block: 1.0 };
        let known = counter.count("subject", KNOWN_WORK)?;
        ensure!(
            known.allocations.round() == KNOWN_ALLOCATIONS as f64 && known.sha1_blocks > 0.0,
            "the counting is wrong: {KNOWN_ALLOCATIONS} allocations and {KNOWN_BLOCKS} blocks of SHA-1 gave {known:?}"
        );
        counter.sha1_block = known.sha1_blocks / KNOWN_BLOCKS as f64;
        Ok(counter)
    }

    /// Counts the cost of a request of a subject of `program`.
    ///
    /// # Errors
    ///
    /// Returns an error if the subject does not run to its end.
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
