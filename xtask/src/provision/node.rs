//! The folder with the programs for Node, which are a peer of the interop tests and the scenarios in a browser, and the packages
//! that they need.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::metadata::target_folder;
use crate::process::{program, read, root, run};

/// The sources. The lock file names all packages with their versions.
const SOURCE: &str = "xtask/node";

/// The oldest Node that runs the programs. Debian has it since version 13.
const OLDEST: u32 = 20;

/// The path of the peer in the folder.
pub(crate) const PEER: &str = "peer.mjs";

/// The path of the scenarios in the folder.
pub(crate) const BROWSER: &str = "browser/main.mjs";

/// Returns the folder, which holds the programs and exactly the packages of the lock file.
///
/// The lock file is copied last, so that an incomplete folder has none and is made again.
pub(crate) fn folder() -> Result<PathBuf> {
    check_version(&read(program("node").arg("--version"))?)?;
    let (source, folder) = (root().join(SOURCE), target_folder()?.join("node"));
    copy_all(&source, &folder)?;
    copy_all(&source.join("browser"), &folder.join("browser"))?;
    let (lock, installed) = (source.join("package-lock.json"), folder.join("installed.json"));
    if same(&lock, &installed) {
        eprintln!("{} holds what {SOURCE} asks for", folder.display());
        return Ok(folder);
    }
    eprintln!("installing the packages of {SOURCE}");
    run(program("npm").args(["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&folder))?;
    copy(&lock, &installed)?;
    Ok(folder)
}

/// Checks what `node --version` prints, such as `v20.19.2`.
fn check_version(printed: &str) -> Result<()> {
    let printed = printed.trim();
    let major = printed.strip_prefix('v').and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    ensure!(
        major.is_some_and(|major| major >= OLDEST),
        "the tests need Node {OLDEST} or later, as in Debian 13, but the first `node` on PATH is {printed}: \
         install a newer one before it"
    );
    Ok(())
}

fn same(one: &Path, other: &Path) -> bool {
    matches!((fs::read(one), fs::read(other)), (Ok(one), Ok(other)) if one == other)
}

/// Copies the files of a folder, but no folders in it.
fn copy_all(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let file = entry?.path();
        if let (true, Some(name)) = (file.is_file(), file.file_name()) {
            copy(&file, &to.join(name))?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display())).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_node_is_refused_with_both_versions() {
        for good in ["v20.0.0\n", "v22.11.0\n", "v100.1.0"] {
            assert!(check_version(good).is_ok(), "{good}");
        }
        for bad in ["v18.20.4\n", "v9.0.0", "", "20.0.0"] {
            let error = check_version(bad).unwrap_err().to_string();
            assert!(error.contains("Node 20 or later") && error.contains(bad.trim()), "{error}");
        }
    }
}
