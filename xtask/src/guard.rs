//! Limits the cost of a request. The programs are in `xtask/bench`, a workspace that only this command and `bench`
//! compile.

use std::process::Command;

use anyhow::Result;

use crate::metadata::target_folder;
use crate::process::{cargo, program, run};
use crate::provision;

/// Compiles the subjects in release mode, and fails if a request costs more than its ceiling.
///
/// The versions of the dependencies come from that workspace's `Cargo.lock`. Fails if that file is stale; renew it with
/// `cargo update --workspace --manifest-path xtask/bench/Cargo.toml`.
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
