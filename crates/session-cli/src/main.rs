//! The `session` command.

mod args;
mod duration;
mod formats;
mod inspect;
mod key;
mod rotate;
mod secrets;
mod sign;
mod signing;
#[cfg(feature = "store")]
mod store;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use args::{Args, Command, KeyCommand, RotateCommand};

/// Prints a line. Unlike `println!`, it returns the error if no program reads the output any more.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        writeln!(std::io::stdout(), $($text)*)
    }};
}
pub(crate) use say;

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
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "session", &mut script);
            std::io::stdout().write_all(&script).map(|()| Answer::Yes).map_err(anyhow::Error::from)
        }
    };
    match result {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        // The reader of a pipe has seen enough, as in `session ls | head`.
        Err(error) if error.downcast_ref::<std::io::Error>().is_some_and(|it| it.kind() == ErrorKind::BrokenPipe) => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("session: {error:#}.");
            ExitCode::from(3)
        }
    }
}
