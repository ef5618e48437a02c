//! Builds the programs of the README and of the guides like their readers do: outside of the workspace, with the
//! dependency lines of the same page.
//!
//! A program is a `toml` block with `[dependencies]` and the `rust` block with a `main` before or after it. The paths
//! of the dependencies lead to a folder `starlette-session-rs` next to the program's own, which is a link to this
//! repository.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::metadata::target_folder;
use crate::process::{cargo, read, root, run};

/// The program that is also started, from an empty folder.
const STARTED: &str = "session-tower-getting-started-1";

/// A program of a page.
#[derive(Debug, PartialEq, Eq)]
struct Program {
    name: String,
    manifest: String,
    source: String,
}

pub(crate) fn check() -> Result<()> {
    let folder = target_folder()?.join("outside");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    link(root(), &folder.join("starlette-session-rs"))?;
    let mut programs = Vec::new();
    for (name, path) in pages()? {
        programs.extend(programs_of(&name, &fs::read_to_string(path)?));
    }
    ensure!(programs.iter().any(|program| program.name == STARTED), "no page has the program {STARTED}");

    for program in &programs {
        let package = folder.join(&program.name);
        fs::create_dir_all(package.join("src"))?;
        // Without its own workspace, cargo would take the package for a missing member of this one.
        fs::write(package.join("Cargo.toml"), format!("{}\n[workspace]\n", program.manifest))?;
        fs::write(package.join("src/main.rs"), &program.source)?;
        // The versions that the workspace is tested with.
        fs::copy(root().join("Cargo.lock"), package.join("Cargo.lock"))?;
        let mut build = cargo(&["build", "--quiet"]);
        // No debugger looks at these programs.
        build.current_dir(&package).env("CARGO_TARGET_DIR", target_folder()?).env("CARGO_PROFILE_DEV_DEBUG", "0");
        run(&mut build)?;
    }
    start(&folder.join(STARTED))
}

/// Returns the README and the guides, by name.
fn pages() -> Result<Vec<(String, PathBuf)>> {
    let listed = read(Command::new("git").current_dir(root()).args(["ls-files", "*.md"]))?;
    let pages = listed.lines().filter_map(|path| {
        let name = match path.strip_prefix("crates/") {
            None => (path == "README.md").then(|| "readme".to_owned())?,
            Some(page) => page.strip_suffix(".md")?.replace("/guide/", "-"),
        };
        (!name.contains('/')).then(|| (name.replace('_', "-").to_lowercase(), root().join(path)))
    });
    Ok(pages.collect())
}

fn programs_of(page: &str, text: &str) -> Vec<Program> {
    let mut programs = Vec::new();
    let (mut manifest, mut source) = (None, None);
    for (language, block) in blocks(text) {
        match language {
            "toml" if block.contains("[dependencies]") => manifest = Some(block),
            "rust" | "rust,no_run" if block.contains("fn main()") => source = Some(block),
            _ => continue,
        }
        if manifest.is_some() && source.is_some() {
            let name = format!("{page}-{}", programs.len() + 1);
            let dependencies = manifest.take().unwrap_or_default();
            let dependencies = &dependencies[dependencies.find("[dependencies]").unwrap_or_default()..];
            let package = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n");
            programs.push(Program {
                name,
                manifest: package + dependencies,
                source: source.take().unwrap_or_default(),
            });
        }
    }
    programs
}

/// Returns the fenced blocks of a page: the word after the fence, and the text.
fn blocks(text: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, String)> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => open = Some((language.trim(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some((_, block))) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// Starts the program of the getting-started guide in its folder, and asks for its first page.
fn start(package: &Path) -> Result<()> {
    let program = target_folder()?.join("debug").join(STARTED);
    let mut service = Service(
        Command::new(program)
            .current_dir(package)
            .env("LISTEN", "127.0.0.1:0")
            .env("SESSION_SECRET", "outside-of-the-workspace-4711-9f4Kq2Wm7Zr1")
            .stdout(Stdio::piped())
            .spawn()?,
    );
    let stdout = service.0.stdout.take().context("standard output is piped")?;
    let mut address = String::new();
    BufReader::new(stdout).read_line(&mut address)?;
    let address = address.trim().strip_prefix("http://").context("the program prints no address")?;
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    ensure!(response.starts_with("HTTP/1.1 200 OK") && response.contains("Sign in"), "it answers:\n{response}");
    eprintln!("{STARTED} runs, and shows its form");
    Ok(())
}

/// A process that is killed when this value is dropped.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(unix)]
pub(crate) fn link(to: &Path, from: &Path) -> Result<()> {
    Ok(std::os::unix::fs::symlink(to, from)?)
}

#[cfg(windows)]
pub(crate) fn link(to: &Path, from: &Path) -> Result<()> {
    Ok(std::os::windows::fs::symlink_dir(to, from)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_a_manifest_and_a_main_in_either_order() {
        let manifest = "```toml\n[package]\nname = \"my\"\n\n[dependencies]\na = \"1\"\n```\n";
        let main = "```rust,no_run\nfn main() {}\n```\n";
        let others = "```rust\nlet alone = 1;\n```\n```toml\n[other]\n```\n";
        for page in [[manifest, others, main].concat(), [main, others, manifest].concat()] {
            let programs = programs_of("page", &page);
            assert_eq!(programs.len(), 1, "{page}");
            assert_eq!(programs[0].source, "fn main() {}\n");
            let package = "[package]\nname = \"page-1\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n";
            assert_eq!(programs[0].manifest, format!("{package}[dependencies]\na = \"1\"\n"));
        }
        assert_eq!(programs_of("page", &[main, others].concat()), []);
    }
}
