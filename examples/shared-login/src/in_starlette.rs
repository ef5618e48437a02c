//! The server in Starlette, a Python process.

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::args::{Args, COOKIE_NAME};
use crate::page::Links;

/// Starts the server. Returns its process, which ends when the value is dropped, and its address.
///
/// # Errors
///
/// A message for the operator that names what is missing.
pub(crate) async fn start(args: &Args, secret: &str, links: &Links) -> Result<(Child, String), String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/in_starlette.py");
    let mut command = Command::new(&args.python);
    command
        .arg(script)
        .args(["--cookie-name", COOKIE_NAME, "--backend", args.backend.name()])
        .args(["--redis-url", &args.redis_url, "--memcache-addr", &args.memcache_addr])
        .args(links.urls())
        // In the environment, because other users of the machine can read the command line.
        .env("SESSION_SECRET", secret)
        // The process ends when its standard input is closed, even if this program is killed.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let missing = |why: String| {
        format!(
            "There is no server in Starlette: {why}.\n\
             `--python` or SESSION_PYTHON names an interpreter with the packages of xtask/python/requirements.txt;\n\
             `cargo xtask test` makes one, target/python/bin/python."
        )
    };
    let python = args.python.display();
    let mut process = command.spawn().map_err(|error| missing(format!("{python} can't be started ({error})")))?;
    let mut line = String::new();
    let stdout = process.stdout.as_mut().expect("it is piped");
    let read = BufReader::new(stdout).read_line(&mut line).await;
    match line.trim_end().strip_prefix("listening ") {
        Some(url) if read.is_ok() => Ok((process, url.to_owned())),
        _ => Err(missing(format!("{python} can't run it"))),
    }
}
