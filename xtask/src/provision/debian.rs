//! Programs that come as Debian packages.

use std::process::Command;

use anyhow::{Result, bail, ensure};

use crate::process::{program, read, run, succeeds};

/// A program that the tests start, and its packages.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// Arguments with which a usable program exits at once with success: `--version`, for most.
    pub(crate) probe: &'static [&'static str],
    /// The Debian packages that contain it.
    pub(crate) packages: &'static [&'static str],
}

impl Program {
    fn works(&self) -> bool {
        succeeds(program(self.name).args(self.probe))
    }
}

/// Looks for each program, and installs the packages of missing ones, as root or with a sudo that asks for no password.
/// Otherwise the user must install them, and the error names the packages.
pub(crate) fn install_missing(programs: &[Program]) -> Result<()> {
    let missing: Vec<&Program> = programs.iter().filter(|program| !program.works()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.iter().map(|program| program.name).collect::<Vec<_>>().join(", ");
    let packages = missing.iter().map(|program| program.packages).collect::<Vec<_>>().concat();
    let list = packages.join(" ");
    eprintln!("missing or unusable: {names}");

    let Some(become_root) = become_root() else {
        bail!(
            "the tests need {names}: install the Debian package(s) {list} \
             (not done for you: no apt-get here, or no root without a password)"
        );
    };
    eprintln!("installing the Debian package(s) {list}");
    run(&mut apt_get(become_root, &["update"]))?;
    let install = ["install", "--yes", "--no-install-recommends"];
    run(apt_get(become_root, &install).args(packages))?;

    for program in missing {
        ensure!(
            program.works(),
            "`{} {}` still fails with {} installed: is another {0} first on PATH?",
            program.name,
            program.probe.join(" "),
            program.packages.join(", "),
        );
    }
    Ok(())
}

/// Returns the words to put before a command that needs root; `None` if root can't be had without a password.
fn become_root() -> Option<&'static [&'static str]> {
    if !succeeds(program("apt-get").arg("--version")) {
        return None;
    }
    if read(program("id").arg("-u")).is_ok_and(|id| id.trim() == "0") {
        return Some(&[]);
    }
    succeeds(program("sudo").args(["--non-interactive", "true"])).then_some(&["sudo", "--non-interactive"])
}

/// `env` sets the variable, because sudo drops its caller's variables.
fn apt_get(become_root: &[&str], arguments: &[&str]) -> Command {
    let words = [become_root, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"], arguments].concat();
    let mut command = program(words[0]);
    command.args(&words[1..]);
    command
}
