//! Rules about the manifests of the packages.

use super::{File, Finding};
use crate::metadata::Package;

/// The keys that every package inherits from the workspace, so that all packages have equal values.
const INHERITED: &[(&str, &str)] = &[
    ("[package]", "license.workspace = true"),
    ("[package]", "rust-version.workspace = true"),
    ("[lints]", "workspace = true"),
];

/// Packages with their own `rust-version`, because a client library needs a newer one.
const NEWER_RUST: &[&str] = &["crates/session-cli", "crates/session-sql"];

pub(super) fn check(files: &[File], members: &[Package]) -> Vec<Finding> {
    let text = |path: &str| files.iter().find(|file| file.path == path).map_or("", |file| file.text.as_str());
    let readme = text("README.md");
    let mut findings = Vec::new();
    for member in members {
        let place = member.place();
        let path = format!("{place}/Cargo.toml");
        let own_rust = NEWER_RUST.contains(&place.as_str());
        findings.extend(inherits(&path, text(&path), own_rust));
        if member.description.is_none() {
            findings.push(Finding::new(&path, None, "no `description`"));
        }
        if place.starts_with("examples/") && member.publishable {
            findings.push(Finding::new(&path, None, "an example is not published: `publish = false`"));
        }
        if place.starts_with("crates/") && !in_crate_table(readme, &member.name) {
            findings.push(Finding::new("README.md", None, format!("its table of crates lacks `{}`", member.name)));
        }
    }
    findings
}

/// Finds the keys that a manifest should inherit from the workspace, but does not.
fn inherits(path: &str, manifest: &str, own_rust: bool) -> Vec<Finding> {
    let mut section = "";
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        }
        found.push((section, line));
    }
    let is_own = |key: &str| own_rust && key.starts_with("rust-version");
    let missing = INHERITED.iter().filter(|wanted| !found.contains(wanted) && !is_own(wanted.1));
    missing
        .map(|(section, key)| Finding::new(path, None, format!("no `{key}` in `{section}`: all packages say the same")))
        .collect()
}

/// Returns true if a row of a Markdown table names the crate, as code.
fn in_crate_table(readme: &str, name: &str) -> bool {
    readme.lines().any(|line| line.starts_with('|') && line.contains(&format!("`{name}`")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::root;
    use crate::tidy::sample;

    const GOOD: &str =
        "[package]\nlicense.workspace = true\nrust-version.workspace = true\n\n[lints]\nworkspace = true\n";

    fn package(place: &str) -> Package {
        Package {
            name: "a".to_owned(),
            version: "0.1.0".to_owned(),
            folder: root().join(place),
            description: Some("what it is".to_owned()),
            rust_version: None,
            publishable: true,
            features: Vec::new(),
            has_library: true,
        }
    }

    fn findings(member: Package, manifest: &str, readme: &str) -> usize {
        let files = [sample(&format!("{}/Cargo.toml", member.place()), manifest), sample("README.md", readme)];
        check(&files, &[member]).len()
    }

    #[test]
    fn a_crate_inherits_describes_itself_and_stands_in_the_readme() {
        assert_eq!(findings(package("crates/a"), GOOD, "| `a` | a crate |\n"), 0);
        assert_eq!(findings(package("crates/a"), GOOD, "`a` is named, but in no table\n"), 1);
        assert_eq!(findings(package("crates/a"), "", "| `a` |\n"), INHERITED.len());
        assert_eq!(findings(Package { description: None, ..package("crates/a") }, GOOD, "| `a` |\n"), 1);
    }

    #[test]
    fn a_key_counts_only_in_its_section() {
        let manifest = GOOD.replace("[lints]", "[badges]");
        assert_eq!(inherits("crates/a/Cargo.toml", &manifest, false).len(), 1);
    }

    #[test]
    fn a_listed_package_may_ask_for_a_newer_rust() {
        let manifest = GOOD.replace("rust-version.workspace = true", "rust-version = \"1.94\"");
        assert_eq!(inherits("crates/a/Cargo.toml", &manifest, true).len(), 0);
        assert_eq!(inherits("crates/a/Cargo.toml", &manifest, false).len(), 1);
    }

    #[test]
    fn an_example_is_not_published() {
        assert_eq!(findings(package("examples/a"), GOOD, ""), 1);
        assert_eq!(findings(Package { publishable: false, ..package("examples/a") }, GOOD, ""), 0);
    }
}
