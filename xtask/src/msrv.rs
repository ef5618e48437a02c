//! Verifies the promised Rust version: no dependency of a published crate declares a newer one.
//!
//! It reads the versions that the dependencies declare. It builds nothing with the old toolchain, so it can't detect a
//! dependency that declares too old a version. Clippy's `incompatible_msrv` checks the project's own code.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};

use crate::metadata::{Dependency, all_packages, dependency_tree, members};

/// The dependencies that are compiled for a user: those of the code and of its build scripts.
const EDGES: &str = "normal,build";

pub(crate) fn check() -> Result<()> {
    let declared: HashMap<Dependency, Option<String>> = all_packages()?
        .into_iter()
        .map(|package| (Dependency { name: package.name, version: package.version }, package.rust_version))
        .collect();

    let mut offenders = Vec::new();
    for member in members()?.into_iter().filter(|member| member.publishable) {
        let promised = member.rust_version.with_context(|| format!("{} declares no rust-version", member.name))?;
        let tree = dependency_tree(&member.name, "--all-features", EDGES)?;
        let mut silent = Vec::new();
        for dependency in &tree {
            match declared.get(dependency).and_then(Option::as_deref) {
                Some(wanted) if number(wanted)? > number(&promised)? => offenders.push(format!(
                    "{} promises {promised}, but {} {} wants {wanted}",
                    member.name, dependency.name, dependency.version
                )),
                Some(_) => {}
                None => silent.push(dependency.name.as_str()),
            }
        }
        eprintln!(
            "{}: promises {promised}; {} packages in its tree; these declare nothing: [{}]",
            member.name,
            tree.len(),
            silent.join(", ")
        );
    }
    if !offenders.is_empty() {
        bail!("dependencies want a newer Rust than is promised:\n  {}", offenders.join("\n  "));
    }
    Ok(())
}

/// `1.88` and `1.88.0` are the same version.
fn number(version: &str) -> Result<[u32; 3]> {
    let mut number = [0; 3];
    for (place, part) in number.iter_mut().zip(version.split('.')) {
        *place = part.parse().with_context(|| format!("`{version}` is no Rust version"))?;
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(number("1.100").unwrap() > number("1.88").unwrap());
        assert!(number("1.88.1").unwrap() > number("1.88").unwrap());
        assert_eq!(number("1.88.0").unwrap(), number("1.88").unwrap());
        assert!(number("newest").is_err());
    }
}
