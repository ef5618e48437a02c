//! One login for three servers: in axum, in actix-web and in Python's Starlette.
//!
//! `cargo run -p shared-login` starts them with sessions in the cookie, `-- --backend redis` or `-- --backend memcache`
//! with sessions in that store. `args.rs` makes the settings that the three share: secret, cookie name, and the keys in
//! the store. The servers are `in_axum.rs`, `in_actix.rs` and `in_starlette.py`.

mod args;
mod in_actix;
mod in_axum;
mod in_starlette;
mod page;

use std::error::Error;
use std::io::{self, Write};
use std::net::TcpListener;
use std::process::ExitCode;

use clap::Parser;
use demo_common::shutdown;

use args::Args;
use page::Links;

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let stop = shutdown::requested()?;
    let secret = args::random_secret();
    // Two configurations, as if the servers were two programs.
    let (axum_sessions, actix_sessions) = (args.sessions(&secret)?, args.sessions(&secret)?);
    let (axum, actix) = (free_port()?, free_port()?);

    let mut links = Links::default();
    links.add("axum", format!("http://{}", axum.local_addr()?));
    links.add("actix-web", format!("http://{}", actix.local_addr()?));
    // The process ends when this value is dropped.
    let _starlette = match in_starlette::start(args, &secret, &links).await {
        Ok((process, url)) => {
            links.add("Starlette", url);
            Some(process)
        }
        Err(missing) => {
            eprintln!("{missing}");
            None
        }
    };
    let axum = in_axum::serve(axum, axum_sessions, links.clone());
    let actix = in_actix::serve(actix, actix_sessions, links.clone());
    let lines = format!("{links}Log in at one of them and look at the others. Ctrl-C ends all.\n");
    // A closed stdout does not stop the servers.
    let _ = io::stdout().write_all(lines.as_bytes());
    tokio::select! {
        ended = axum => Ok(ended?),
        ended = actix => Ok(ended?),
        () = stop => Ok(()),
    }
}

fn free_port() -> io::Result<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
