//! Runs the tests. Everything that they need is installed first, so that no test has a reason to skip anything.

use anyhow::{Result, bail};

use crate::process::{self, cargo};
use crate::provision;
use crate::steps::Steps;

/// The packages whose tests start servers or other processes.
const WITH_SERVERS: &[&str] = &[
    "actix-demo",
    "axum-demo",
    "custom-backend",
    "guides",
    "session-cli",
    "session-memcache",
    "session-redis",
    "session-sql",
    "session-test-support",
    "shared-login",
];

/// Runs every test, doc tests included. The arguments after `--` go to cargo test: `cargo xtask test -- lost_update`.
///
/// With `--fast` it installs nothing, and runs the tests that need no server, no Python and no example to compile.
pub(crate) fn run(steps: &mut Steps, arguments: &[String]) -> Result<()> {
    let (is_fast, arguments) = match arguments.split_first() {
        Some((first, rest)) if first == "--fast" => (true, rest),
        _ => (false, arguments),
    };
    let for_cargo = match arguments.split_first() {
        None => &[],
        Some((separator, rest)) if separator == "--" => rest,
        Some((argument, _)) => {
            bail!("unexpected `{argument}`: what cargo test is to get follows `--`")
        }
    };

    if is_fast {
        let excluded = WITH_SERVERS.iter().flat_map(|package| ["--exclude", package]);
        let mut command = cargo(&["test", "--workspace", "--all-features", "--lib", "--bins", "--tests"]);
        command.args(excluded).args(for_cargo).args(["--", "--skip", "python"]);
        return steps.run("cargo test", || process::run(&mut command));
    }
    let mut environment = Vec::new();
    steps.run("provision", || {
        environment = provision::all()?;
        // Each reader of a foreign format is fuzzed for so long.
        if std::env::var_os("SESSION_FUZZ_SECONDS").is_none() {
            environment.push(("SESSION_FUZZ_SECONDS", "10".into()));
        }
        Ok(())
    })?;
    steps.run("cargo test", || {
        process::run(cargo(&["test", "--workspace", "--all-features"]).args(for_cargo).envs(environment))
    })
}
