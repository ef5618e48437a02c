//! The `session` command.

mod args;
mod formats;
mod inspect;
mod key;
mod rotate;
mod secrets;
mod sign;
mod signing;
#[cfg(feature = "store")]
mod store;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use args::{Args, Command, KeyCommand, RotateCommand};

/// The answer of a command, which scripts read as an exit code.
pub(crate) enum Answer {
    /// Exit code 0.
    Yes,
    /// Exit code 1.
    No,
}

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Inspect(args) => inspect::run(&args),
        Command::Sign(args) => sign::run(&args),
        Command::Key { command: KeyCommand::New(args) } => key::run(&args),
        Command::Rotate { command: RotateCommand::Check(args) } => rotate::run(&args),
        #[cfg(feature = "store")]
        Command::Store(command) => store::run(&command),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Args::command(), "session", &mut std::io::stdout());
            Ok(Answer::Yes)
        }
    };
    match result {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Err(error) => {
            eprintln!("session: {error:#}.");
            ExitCode::from(3)
        }
    }
}
