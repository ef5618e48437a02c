//! The folder with the Node peer of the interop tests and the packages that it needs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::metadata::target_folder;
use crate::process::{program, root, run};

/// The files of the peer. The lock file names all packages with their versions.
const SOURCE: &str = "xtask/node";
const FILES: [&str; 3] = ["package.json", "package-lock.json", "peer.mjs"];

/// Returns the peer's program, in a folder that holds exactly the packages of the lock file.
///
/// The lock file is copied last, so a folder whose making was interrupted has none and is not taken for a whole one.
pub(crate) fn peer() -> Result<PathBuf> {
    let folder = target_folder()?.join("node");
    let peer = folder.join("peer.mjs");
    let [package, lock, program_file] = FILES.map(|file| root().join(SOURCE).join(file));
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    copy(&program_file, &peer)?;
    let installed = folder.join("installed.json");
    if same(&lock, &installed) {
        eprintln!("{} holds what {SOURCE} asks for", folder.display());
        return Ok(peer);
    }
    copy(&package, &folder.join("package.json"))?;
    copy(&lock, &folder.join("package-lock.json"))?;
    eprintln!("installing the packages of {SOURCE}");
    run(program("npm").args(["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&folder))?;
    copy(&lock, &installed)?;
    Ok(peer)
}

fn same(one: &Path, other: &Path) -> bool {
    matches!((fs::read(one), fs::read(other)), (Ok(one), Ok(other)) if one == other)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display())).map(drop)
}
