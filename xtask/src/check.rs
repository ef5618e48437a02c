//! All checks other than the tests, the quick ones first.

use anyhow::Result;

use crate::metadata::{Package, members};
use crate::process::{cargo, run};
use crate::steps::Steps;
use crate::{deny, guard, msrv, outside, public_api, tidy};

/// Runs all checks, each as a step.
pub(crate) fn all(steps: &mut Steps) -> Result<()> {
    steps.run("fmt", || run(&mut cargo(&["fmt", "--all", "--check"])))?;
    steps.run("tidy", tidy::check)?;
    steps.run("msrv", msrv::check)?;
    steps.run("clippy, whole workspace", || clippy(&["--workspace", "--all-targets", "--all-features"]))?;
    for package in members()? {
        for features in feature_sets(&package) {
            let selection = [&["--package", &package.name], &features[..]].concat();
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

/// Builds the documentation like docs.rs; a warning is an error.
pub(crate) fn docs() -> Result<()> {
    run(cargo(&["doc", "--workspace", "--all-features", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}

/// Packs each published crate as for the registry, which checks that its manifest is complete and its files exist.
///
/// It does not build them, because clippy has already compiled the same code.
pub(crate) fn package() -> Result<()> {
    let members = members()?;
    let mut command = cargo(&["package", "--workspace", "--no-verify", "--allow-dirty", "--quiet"]);
    for member in members.iter().filter(|member| !member.publishable) {
        command.args(["--exclude", &member.name]);
    }
    run(&mut command)
}

/// Returns the sets of features with which a package is built alone, as users build it: each feature by itself, none, all
/// and the default. In the whole workspace, the dependencies of one package enable features that another has forgotten to
/// enable. Tests are not built, for the same reason.
fn feature_sets(package: &Package) -> Vec<Vec<&str>> {
    let features = &package.features;
    let mut sets = vec![vec![]];
    if !features.is_empty() {
        sets.extend([vec!["--no-default-features"], vec!["--all-features"]]);
    }
    // One feature alone is all of them.
    if features.len() > 1 {
        sets.extend(features.iter().map(|feature| vec!["--no-default-features", "--features", feature.as_str()]));
    }
    sets
}

fn clippy(selection: &[&str]) -> Result<()> {
    run(cargo(&["clippy"]).args(selection).args(["--", "-D", "warnings"]))
}
