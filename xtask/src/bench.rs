//! Compares the cost of a request with that of other crates: the report of `xtask/bench/peers`.

use anyhow::{Result, bail};

use crate::metadata::target_folder;
use crate::process::{cargo, program, run};
use crate::provision;

/// The packages and the manifests of their workspaces. Each is built alone, because in a single build this
/// project's programs would also get the features that a peer enables.
const PACKAGES: [(&str, &str); 4] = [
    ("session-bench", "xtask/bench/Cargo.toml"),
    ("session-bench-peers", "xtask/bench/Cargo.toml"),
    ("session-bench-sql", "xtask/bench/Cargo.toml"),
    ("session-bench-sql-peer", "xtask/bench/sql/peer/Cargo.toml"),
];

/// Measures everything, or the parts that follow `--`, and writes `xtask/bench/results`.
pub(crate) fn run_parts(arguments: &[String]) -> Result<()> {
    let parts = match arguments.split_first() {
        None => &[],
        Some((separator, parts)) if separator == "--" => parts,
        Some((argument, _)) => bail!("unexpected `{argument}`: the parts to measure follow `--`"),
    };
    provision::for_bench()?;
    let target = target_folder()?;
    for (package, manifest) in PACKAGES {
        let mut build = cargo(&["build", "--release", "--bins", "--manifest-path", manifest, "--package", package]);
        run(build.env("CARGO_TARGET_DIR", &target))?;
    }
    run(program(target.join("release/bench")).args(parts).env("CRITERION_HOME", target.join("criterion")))
}
