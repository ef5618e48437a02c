//! The rules for dependencies, their licences, sources and known flaws, checked by cargo-deny. See `deny.toml`.

use std::path::PathBuf;

use anyhow::{Error, Result, bail};

use crate::metadata::target_folder;
use crate::process::{cargo, program, read, run};

/// The version that is installed, and for which `deny.toml` is written.
const VERSION: &str = "0.20.2";

/// Takes one argument: with `--release`, advisories that can't be checked are an error.
pub(crate) fn run_with(arguments: &[String]) -> Result<()> {
    match arguments {
        [] => check(Advisories::WhereTheyCanBeHad),
        [flag] if flag == "--release" => check(Advisories::Required),
        _ => bail!("`deny` takes no argument but `--release`"),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advisories {
    WhereTheyCanBeHad,
    /// A release must not ship a known flaw.
    Required,
}

pub(crate) fn check(advisories: Advisories) -> Result<()> {
    let deny = cargo_deny()?;
    run(program(&deny).args(["check", "licenses", "sources"]))?;
    // Bans concern only what users compile. Examples and their clients may bring two versions of a crate.
    run(program(&deny).args(["--exclude-unpublished", "check", "bans"]))?;

    // A known flaw must fail the check, and a machine that can't reach the database must not. cargo-deny has the same
    // exit code for both, so there are two commands: one only fetches, the other only checks. All other errors
    // (deny.toml, the dependency tree) have failed above.
    if let Err(error) = run(program(&deny).args(["fetch", "db"]).env("GIT_TERMINAL_PROMPT", "0")) {
        return advisories.missing(&error);
    }
    run(program(&deny).args(["--offline", "check", "advisories"]))
}

impl Advisories {
    fn missing(self, error: &Error) -> Result<()> {
        let problem = format!("ADVISORIES NOT CHECKED: their database can't be fetched: {error:#}");
        if self == Self::Required {
            bail!("{problem}");
        }
        let line = "*".repeat(80);
        eprintln!("\n{line}\n{problem}\n{line}\n");
        Ok(())
    }
}

/// Returns the cargo-deny on `PATH`, or else the project's own, if it has the right version. The project's own is
/// compiled at the first use.
fn cargo_deny() -> Result<PathBuf> {
    let tools = target_folder()?.join("tools");
    let own = tools.join("bin/cargo-deny");
    for candidate in ["cargo-deny".into(), own.clone()] {
        let version = read(program(&candidate).arg("--version")).unwrap_or_default();
        if version.trim() == format!("cargo-deny {VERSION}") {
            return Ok(candidate);
        }
    }

    eprintln!("no cargo-deny {VERSION} on PATH: compiling it into {} (once, a minute or two)", tools.display());
    // The debug profile, without debug information: the release profile's link-time optimisation takes many times
    // longer to compile than a whole check takes to run. Compiled in cargo's own temporary folder, to keep
    // its objects out of ours.
    run(cargo(&["install", "cargo-deny", "--version", VERSION, "--locked", "--debug", "--root"])
        .arg(&tools)
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env_remove("CARGO_TARGET_DIR"))?;
    Ok(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_database_is_an_error_only_where_a_release_is_made() {
        let unreachable = anyhow::anyhow!("no network");
        assert!(Advisories::WhereTheyCanBeHad.missing(&unreachable).is_ok());
        let error = Advisories::Required.missing(&unreachable).unwrap_err().to_string();
        assert!(error.contains("ADVISORIES NOT CHECKED") && error.contains("no network"), "{error}");
    }

    #[test]
    fn the_only_argument_is_the_one_for_releases() {
        for wrong in [&["--relese".to_owned()][..], &["--release".to_owned(), "x".to_owned()]] {
            assert!(run_with(wrong).is_err());
        }
    }
}
