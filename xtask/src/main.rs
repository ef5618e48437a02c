//! The project's commands: `cargo xtask COMMAND`. Run without a command to list them.
//!
//! [`COMMANDS`] is the whole table. A command runs its work as named [`Steps`], stops at the first one that
//! fails, and ends with a summary of the steps and the time each took.

mod bench;
mod check;
mod deny;
mod guard;
mod metadata;
mod minimal_versions;
mod msrv;
mod outside;
mod process;
mod provision;
mod public_api;
mod screenshots;
mod steps;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::{Result, anyhow};

use crate::steps::Steps;

/// A command: its name, its line in `help`, and its function.
struct Command {
    name: &'static str,
    summary: &'static str,
    run: Run,
}

enum Run {
    Plain(fn(&mut Steps) -> Result<()>),
    /// Gets the arguments after the command's name.
    WithArguments(fn(&mut Steps, &[String]) -> Result<()>),
}

const COMMANDS: &[Command] = &[
    Command {
        name: "test",
        summary: "install what the tests need, then run all of them (`-- ARGS` go to cargo test); `--fast`: no servers",
        run: Run::WithArguments(test::run),
    },
    Command {
        name: "check",
        summary: "everything but the tests: fmt, tidy, msrv, clippy, docs, outside, package, public-api, guard, deny",
        run: Run::Plain(check::all),
    },
    Command {
        name: "ci",
        summary: "test, then check",
        run: Run::Plain(|steps| {
            test::run(steps, &[])?;
            check::all(steps)
        }),
    },
    Command {
        name: "tidy",
        summary: "the house rules a program can check: text, layout, manifests, dependency trees, links",
        run: Run::Plain(|steps| steps.run("tidy", tidy::check)),
    },
    Command {
        name: "docs",
        summary: "build the documentation; a warning is an error",
        run: Run::Plain(|steps| steps.run("docs", check::docs)),
    },
    Command {
        name: "outside",
        summary: "build the programs of the README and the guides from outside of the workspace, and start one",
        run: Run::Plain(|steps| steps.run("outside", outside::check)),
    },
    Command {
        name: "package",
        summary: "pack each published crate as for the registry",
        run: Run::Plain(|steps| steps.run("package", check::package)),
    },
    Command {
        name: "public-api",
        summary: "write the public API of each published crate to its public-api.txt (`--check`: compare instead)",
        run: Run::WithArguments(|steps, arguments| steps.run("public API", || public_api::run_with(arguments))),
    },
    Command {
        name: "screenshots",
        summary: "take the pictures of the README in a real browser (`-- --check`: compare instead)",
        run: Run::WithArguments(|steps, arguments| steps.run("screenshots", || screenshots::run_with(arguments))),
    },
    Command {
        name: "deny",
        summary: "cargo-deny: licences, bans, sources, advisories (`-- --release`: an error if their database is missing)",
        run: Run::WithArguments(|steps, arguments| steps.run("deny", || deny::run_with(arguments))),
    },
    Command {
        name: "guard",
        summary: "no request costs more than its ceiling: instructions, allocations and SHA-1 blocks, counted",
        run: Run::Plain(|steps| steps.run("guard", guard::check)),
    },
    Command {
        name: "bench",
        summary: "measure what a request costs, beside other crates (`-- PART...`); writes xtask/bench/results",
        run: Run::WithArguments(|steps, arguments| steps.run("bench", || bench::run_parts(arguments))),
    },
    Command {
        name: "msrv",
        summary: "no dependency declares a newer Rust than ours (reads only: a build would need that old toolchain)",
        run: Run::Plain(|steps| steps.run("msrv", msrv::check)),
    },
    Command {
        name: "minimal-versions",
        summary: "compile the crates with the oldest dependencies that their manifests allow",
        run: Run::Plain(|steps| steps.run("minimal versions", minimal_versions::check)),
    },
    Command {
        name: "demo",
        summary: "run the axum demo (all arguments go to it)",
        run: Run::WithArguments(|_, arguments| {
            process::run(process::cargo(&["run", "--package", "axum-demo", "--"]).args(arguments))
        }),
    },
    Command {
        name: "help",
        summary: "this list",
        run: Run::Plain(|_| {
            print_help();
            Ok(())
        }),
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, rest) = match arguments.split_first() {
        Some((name, rest)) => (name.as_str(), rest),
        None => ("help", [].as_slice()),
    };
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprintln!("error: no command is called `{name}`\n");
        print_help();
        return ExitCode::from(2);
    };

    let mut steps = Steps::default();
    let outcome = match command.run {
        Run::WithArguments(run) => run(&mut steps, rest),
        Run::Plain(run) if rest.is_empty() => run(&mut steps),
        Run::Plain(_) => Err(anyhow!("`{name}` takes no arguments")),
    };
    steps.print_summary();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn print_help() {
    println!("Usage: cargo xtask COMMAND\n");
    for command in COMMANDS {
        println!("  {:16} {}", command.name, command.summary);
    }
}
