//! Compiles the crates with the oldest versions of their dependencies that their manifests allow.
//!
//! Otherwise a manifest may promise a version that lacks what the code uses: the lock file has newer ones. Dependencies of
//! dependencies stay new, because the promises of their manifests are not ours.

use std::fs;

use anyhow::{Result, ensure};

use crate::metadata::target_folder;
use crate::outside::link;
use crate::process::{cargo, root, run};

/// The members of the workspace, and those of the copy.
const MEMBERS: [&str; 2] = [r#"members = ["crates/*", "examples/*", "xtask"]"#, r#"members = ["crates/*"]"#];

pub(crate) fn check() -> Result<()> {
    let folder = target_folder()?.join("minimal-versions");
    fs::create_dir_all(&folder)?;
    let crates = folder.join("crates");
    if !crates.exists() {
        link(&root().join("crates"), &crates)?;
    }
    let [members, crates_only] = MEMBERS;
    let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
    ensure!(manifest.contains(members), "Cargo.toml has no `{members}`");
    fs::write(folder.join("Cargo.toml"), manifest.replace(members, crates_only))?;

    // The option is unstable. Only the update needs it, so that no code is compiled in another way.
    let mut update = cargo(&["update", "--quiet", "-Z", "direct-minimal-versions"]);
    run(update.current_dir(&folder).env("RUSTC_BOOTSTRAP", "1"))?;
    let mut check = cargo(&["check", "--locked", "--workspace", "--exclude", "session-test-support", "--all-features"]);
    run(check.current_dir(&folder).env("CARGO_TARGET_DIR", folder.join("target")))
}
