//! The tests: what they need is installed first, so that none has a reason to skip anything.

use anyhow::{Result, bail};

use crate::process::{self, cargo};
use crate::provision;
use crate::steps::Steps;

/// Runs every test, doc tests included. What follows `--` goes to cargo test: `cargo xtask test -- lost_update`.
pub(crate) fn run(steps: &mut Steps, arguments: &[String]) -> Result<()> {
    let for_cargo = match arguments.split_first() {
        None => &[],
        Some((separator, rest)) if separator == "--" => rest,
        Some((argument, _)) => {
            bail!("unexpected `{argument}`: what cargo test is to get follows `--`")
        }
    };

    let mut environment = Vec::new();
    steps.run("provision", || {
        environment = provision::all()?;
        Ok(())
    })?;
    steps.run("cargo test", || {
        process::run(cargo(&["test", "--workspace", "--all-features"]).args(for_cargo).envs(environment))
    })
}
