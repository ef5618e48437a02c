//! The public API of each published crate, listed in its `public-api.txt`, so that a diff shows each change of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use public_api::Builder;

use crate::metadata::{members, target_folder};
use crate::process::{cargo, program, root, run, succeeds};

/// Permits rustdoc to write JSON. Cargo itself must not see that permission: build scripts watch it, and most
/// dependencies would be compiled again.
const RUSTDOC: &str = "xtask/rustdoc-json";

/// Auto traits that follow from private fields and that few users rely on. `Send`, `Sync` and `Unpin` are listed.
const UNLISTED: &[&str] = &["Freeze", "RefUnwindSafe", "UnsafeUnpin", "UnwindSafe"];

/// Writes the listings, or compares them if `--check` is given.
pub(crate) fn run_with(arguments: &[String]) -> Result<()> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => for_each_crate(|listed, api| {
            fs::write(root().join(listed), api).with_context(|| format!("cannot write {listed}"))
        }),
        ["--check"] => check(),
        _ => bail!("usage: cargo xtask public-api [--check]"),
    }
}

/// Shows how the API differs from the listings, and fails if it does.
pub(crate) fn check() -> Result<()> {
    let mut changed = Vec::new();
    for_each_crate(|listed, api| {
        let found = target_folder()?.join("public-api.txt");
        fs::write(&found, api).with_context(|| format!("cannot write {}", found.display()))?;
        if !succeeds(diff(listed, &found).arg("--quiet")) {
            diff(listed, &found).status().context("cannot start git")?;
            changed.push(listed.to_owned());
        }
        Ok(())
    })?;
    if !changed.is_empty() {
        bail!("the public API is not the one listed in {}: run `cargo xtask public-api`", changed.join(", "));
    }
    Ok(())
}

fn diff(listed: &str, found: &Path) -> Command {
    let mut git = program("git");
    git.args(["--no-pager", "diff", "--no-index", "--unified=0"]).arg(listed).arg(found);
    git
}

/// Calls `handle` with the path of each listing, relative to the root, and the API as it is.
fn for_each_crate(mut handle: impl FnMut(&str, String) -> Result<()>) -> Result<()> {
    let published: Vec<_> =
        members()?.into_iter().filter(|package| package.publishable && package.has_library).collect();
    let packages = published.iter().flat_map(|package| ["--package", &package.name]);
    run(cargo(&["doc", "--no-deps", "--all-features"])
        .args(packages)
        .env("RUSTDOC", root().join(RUSTDOC))
        .env("RUSTDOCFLAGS", "-Z unstable-options --output-format json"))?;
    let documented = target_folder()?.join("doc");
    for package in published {
        let json = documented.join(package.name.replace('-', "_")).with_extension("json");
        let api = listing(&json).with_context(|| format!("cannot read {}", json.display()))?;
        handle(&format!("{}/public-api.txt", package.place()), api)?;
    }
    Ok(())
}

/// Returns the API that rustdoc describes, one item per line.
fn listing(json: &Path) -> Result<String> {
    let api = Builder::from_rustdoc_json(json).omit_blanket_impls(true).build()?;
    Ok(api.items().map(|item| format!("{item}\n")).filter(|line| is_listed(line)).collect())
}

fn is_listed(line: &str) -> bool {
    let implemented = line.split_once(" for ").map_or("", |(implemented, _)| implemented);
    !UNLISTED.iter().any(|name| implemented.ends_with(&format!("::{name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_traits_that_few_rely_on_are_left_out() {
        for line in ["impl core::marker::Freeze for a::B", "impl<T> !core::panic::unwind_safe::UnwindSafe for a::B<T>"]
        {
            assert!(!is_listed(line), "{line}");
        }
        for line in ["impl !core::marker::Send for a::B", "impl core::marker::Unpin for a::B", "pub struct a::Freeze"] {
            assert!(is_listed(line), "{line}");
        }
    }
}
