//! The virtual environment with the Python peers of the interop tests.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::metadata::target_folder;
use crate::process::{program, root, run, succeeds};

/// The packages, with their versions.
const REQUIREMENTS: &str = "xtask/python/requirements.txt";

/// Returns the interpreter of an environment with exactly the packages in [`REQUIREMENTS`]. Makes the environment if it
/// is missing or outdated.
///
/// The environment keeps a copy of its requirements. The copy is written last, so that an incomplete environment has
/// none and is made again.
pub(crate) fn environment() -> Result<PathBuf> {
    let requirements =
        fs::read_to_string(root().join(REQUIREMENTS)).with_context(|| format!("cannot read {REQUIREMENTS}"))?;
    let folder = target_folder()?.join("python");
    let python = folder.join("bin/python");
    let made_from = folder.join("made-from.txt");

    let same = fs::read_to_string(&made_from).is_ok_and(|recorded| recorded == requirements);
    if same && succeeds(program(&python).arg("--version")) {
        eprintln!("{} holds what {REQUIREMENTS} asks for", folder.display());
        return Ok(python);
    }
    make(&folder, &python)?;
    fs::write(&made_from, requirements).with_context(|| format!("cannot write {}", made_from.display()))?;
    Ok(python)
}

fn make(folder: &Path, python: &Path) -> Result<()> {
    eprintln!("making a Python environment from {REQUIREMENTS}");
    run(program("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
    run(program(python).args(["-m", "pip", "install", "--quiet", "--no-input"]).args([
        "--disable-pip-version-check",
        "--requirement",
        REQUIREMENTS,
    ]))
}
