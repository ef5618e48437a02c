//! Reads the packages of the workspace and their dependencies from cargo.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::process::{cargo, read, root};

/// A package of the workspace or, in [`all_packages`], one that it depends on.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The folder of its manifest.
    pub(crate) folder: PathBuf,
    pub(crate) description: Option<String>,
    pub(crate) rust_version: Option<String>,
    /// False where the manifest says `publish = false`.
    pub(crate) publishable: bool,
    /// The names of its features, without `default`.
    pub(crate) features: Vec<String>,
    pub(crate) has_library: bool,
}

impl Package {
    /// Returns the folder relative to the root of the repository: `crates/session-core`.
    pub(crate) fn place(&self) -> String {
        self.folder.strip_prefix(root()).unwrap_or(&self.folder).display().to_string()
    }
}

/// Returns the members of the workspace.
pub(crate) fn members() -> Result<Vec<Package>> {
    packages(&query(&["--no-deps"])?)
}

/// Returns the members and all their dependencies, on any platform, with all features.
pub(crate) fn all_packages() -> Result<Vec<Package>> {
    packages(&query(&["--all-features"])?)
}

/// Returns the folder of cargo's builds, which also holds the tools that xtask installs.
pub(crate) fn target_folder() -> Result<PathBuf> {
    let metadata = query(&["--no-deps"])?;
    let folder = metadata["target_directory"].as_str().context("cargo metadata names no target folder")?;
    Ok(PathBuf::from(folder))
}

/// One package in a dependency tree.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// Returns the packages that are compiled for a user of `package`, on any platform: itself, and its dependencies along
/// `edges` (in `cargo tree`'s words), with the features that `features` (a cargo flag) names.
pub(crate) fn dependency_tree(package: &str, features: &str, edges: &str) -> Result<Vec<Dependency>> {
    let mut tree = cargo(&["tree", "--package", package, features, "--edges", edges]);
    tree.args(["--target", "all", "--prefix", "none", "--format", "{p}"]);
    let tree = read(&mut tree)?;
    let mut dependencies = tree.lines().map(dependency).collect::<Result<Vec<_>>>()?;
    dependencies.sort();
    dependencies.dedup();
    ensure!(!dependencies.is_empty(), "cargo tree shows nothing for {package}");
    Ok(dependencies)
}

/// Reads `name v1.2.3 (notes)`.
fn dependency(line: &str) -> Result<Dependency> {
    let (name, rest) = line.split_once(" v").with_context(|| format!("cargo tree printed `{line}`"))?;
    let version = rest.split(' ').next().unwrap_or(rest);
    Ok(Dependency { name: name.to_owned(), version: version.to_owned() })
}

fn query(flags: &[&str]) -> Result<Value> {
    let json = read(cargo(&["metadata", "--format-version", "1"]).args(flags))?;
    serde_json::from_str(&json).context("cargo metadata printed what is not JSON")
}

fn packages(metadata: &Value) -> Result<Vec<Package>> {
    let list = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    list.iter().map(|package| read_package(package).context("cargo metadata describes a package oddly")).collect()
}

fn read_package(package: &Value) -> Option<Package> {
    let text = |field: &str| package[field].as_str().map(str::to_owned);
    Some(Package {
        name: text("name")?,
        version: text("version")?,
        folder: PathBuf::from(text("manifest_path")?).parent()?.to_owned(),
        description: text("description"),
        rust_version: text("rust_version"),
        // `publish` is null if any registry is allowed, otherwise a list of registries, which is empty for none.
        publishable: package["publish"].as_array().is_none_or(|registries| !registries.is_empty()),
        features: package["features"].as_object()?.keys().filter(|name| *name != "default").cloned().collect(),
        has_library: package["targets"].as_array()?.iter().any(|target| target["kind"][0] == "lib"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_cargo_tree_is_a_name_and_a_version() {
        for line in ["tokio v1.48.0", "tokio v1.48.0 (*)", "tokio v1.48.0 (proc-macro) (*)"] {
            let read = dependency(line).unwrap();
            assert_eq!((read.name.as_str(), read.version.as_str()), ("tokio", "1.48.0"));
        }
        assert!(dependency("error: no").is_err());
    }

    #[test]
    fn publish_false_is_told_from_publish_anywhere() {
        let package = |publish: &str| {
            let json = format!(
                r#"{{"name":"n","version":"1.0.0","manifest_path":"/r/n/Cargo.toml","features":{{}},"targets":[],"publish":{publish}}}"#
            );
            read_package(&serde_json::from_str(&json).unwrap()).unwrap()
        };
        assert!(package("null").publishable);
        assert!(!package("[]").publishable);
    }
}
