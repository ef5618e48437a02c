//! Everything that is checked but not run: the quick checks first.

use anyhow::Result;

use crate::metadata::{Package, members};
use crate::process::{cargo, run};
use crate::steps::Steps;
use crate::{deny, guard, msrv, outside, public_api, tidy};

/// All checks, each a step.
pub(crate) fn all(steps: &mut Steps) -> Result<()> {
    steps.run("fmt", || run(&mut cargo(&["fmt", "--all", "--check"])))?;
    steps.run("tidy", tidy::check)?;
    steps.run("msrv", msrv::check)?;
    steps.run("clippy, whole workspace", || clippy(&["--workspace", "--all-targets", "--all-features"]))?;
    for package in members()? {
        for features in feature_sets(&package) {
            let selection = [&["--package", &package.name], *features].concat();
            steps.run(format!("clippy {}", selection[1..].join(" ")), || clippy(&selection))?;
        }
    }
    steps.run("docs", docs)?;
    steps.run("outside", outside::check)?;
    steps.run("package", package)?;
    steps.run("public API", public_api::check)?;
    steps.run("guard", guard::check)?;
    steps.run("deny", || deny::check(deny::Advisories::WhereTheyCanBeHad))
}

/// The documentation as docs.rs will build it; a warning is an error.
pub(crate) fn docs() -> Result<()> {
    run(cargo(&["doc", "--workspace", "--all-features", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}

/// Packs each published crate as for the registry: its manifest is complete, and its files are there.
///
/// It builds nothing. The unpacked crates would be compiled once more, with the code that clippy has seen.
pub(crate) fn package() -> Result<()> {
    let members = members()?;
    let mut command = cargo(&["package", "--workspace", "--no-verify", "--allow-dirty", "--quiet"]);
    for member in members.iter().filter(|member| !member.publishable) {
        command.args(["--exclude", &member.name]);
    }
    run(&mut command)
}

/// The features each package is built with on its own, as its users do: in the workspace as a whole, one package's
/// dependencies turn on features that another has forgotten to ask for. Without its tests, for the same reason.
fn feature_sets(package: &Package) -> &'static [&'static [&'static str]] {
    if package.has_features { &[&[], &["--no-default-features"], &["--all-features"]] } else { &[&[]] }
}

fn clippy(selection: &[&str]) -> Result<()> {
    run(cargo(&["clippy"]).args(selection).args(["--", "-D", "warnings"]))
}
