//! The server that everything is shown with: sessions in axum, to look at in the browser or with curl.
//!
//! `cargo run -p axum-demo` starts it. What to copy from here: the router in `app.rs`, the handlers in `routes.rs`, and
//! how a configuration is built in `args.rs`.

mod app;
mod args;
mod error;
mod page;
mod routes;
mod shutdown;

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use axum::Router;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use args::Args;

const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3000);

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    log_to_stderr();
    // Ends the process with exit code 2, as the flags that clap itself can't read.
    let config = args.config().unwrap_or_else(|error| Args::command().error(ErrorKind::ValueValidation, error).exit());
    if let Some(warning) = args.warning() {
        eprintln!("{warning}");
    }
    match serve(args.listen, app::app(config, args.backend)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(address: Option<SocketAddr>, app: Router) -> io::Result<()> {
    // Before anybody can know that the server is there, and so want to stop it.
    let (stop, give_up) = (shutdown::requested()?, shutdown::overdue()?);
    let listener = listen(address).await?;
    announce(listener.local_addr()?);
    let server = axum::serve(listener, app).with_graceful_shutdown(stop);
    tokio::select! {
        outcome = server => outcome,
        () = give_up => Ok(()),
    }
}

/// Listens on the address that was asked for; without one on the default or, if that is taken, on a free port.
async fn listen(wanted: Option<SocketAddr>) -> io::Result<TcpListener> {
    let address = wanted.unwrap_or(DEFAULT_ADDRESS);
    match TcpListener::bind(address).await {
        Err(error) if wanted.is_none() && error.kind() == io::ErrorKind::AddrInUse => {
            eprintln!("note: {address} is taken, so a free port is used; --listen chooses one");
            TcpListener::bind((address.ip(), 0)).await
        }
        outcome => outcome
            .map_err(|error| io::Error::new(error.kind(), format!("can't listen on {address} (--listen): {error}"))),
    }
}

/// Programs wait for the first line, and may not read the others: both are written at once, and a closed stdout is no
/// reason not to serve.
fn announce(address: SocketAddr) {
    let mut stdout = io::stdout().lock();
    let lines = format!("listening on http://{address}\nOpen it in a browser. Ctrl-C ends it.\n");
    let _ = stdout.write_all(lines.as_bytes()).and_then(|()| stdout.flush());
}

/// What the session crates have to say; `RUST_LOG=debug` shows more.
fn log_to_stderr() {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
}
