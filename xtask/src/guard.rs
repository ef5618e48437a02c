//! What a request may cost: the programs of `xtask/bench`, a workspace of its own that nobody else compiles.

use std::process::Command;

use anyhow::Result;

use crate::metadata::target_folder;
use crate::process::{cargo, program, run};
use crate::provision;

/// Checks and compiles what is measured, as applications are compiled, and fails if a request is dearer than its ceiling.
///
/// What is counted are the dependencies of its own `Cargo.lock`; a stale one is an error here. `cargo update --workspace
/// --manifest-path xtask/bench/Cargo.toml` renews it.
pub(crate) fn check() -> Result<()> {
    provision::programs()?;
    run(&mut cargo(&["fmt", "--all", "--check", PACKAGE[0], PACKAGE[1]]))?;
    run(release("clippy")?.args(["--all-targets", "--", "-D", "warnings"]))?;
    run(release("test")?.arg("--lib"))?;
    run(release("build")?.arg("--bins"))?;
    run(&mut program(target_folder()?.join("release/guard")))
}

const PACKAGE: [&str; 4] = ["--manifest-path", "xtask/bench/Cargo.toml", "--package", "session-bench"];

fn release(work: &str) -> Result<Command> {
    let mut command = cargo(&[work, "--release", "--locked"]);
    command.args(PACKAGE).env("CARGO_TARGET_DIR", target_folder()?);
    Ok(command)
}
