//! The demo server in axum, whose sessions you can view in the browser or with curl.
//!
//! `cargo run -p axum-demo` starts it. To copy: the router in `app.rs` and the handlers in `routes.rs`. `demo-common`
//! builds the configuration, without axum.

use std::io;
use std::process::ExitCode;

use axum_demo::{app, router, serve};
use demo_common::{Args, announce, listen, shutdown};
use session_tower::SessionConfig;

#[tokio::main]
async fn main() -> ExitCode {
    let (args, config) = Args::read("axum-demo").await;
    match run(&args, config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args, config: SessionConfig) -> io::Result<()> {
    // Before the address is printed, because a client that has read it may stop the server.
    let (stop, give_up) = (shutdown::requested()?, shutdown::overdue()?);
    let listener = listen(args.listen)?;
    announce(listener.local_addr()?);
    serve(listener, app(router(args.facts()), config), stop, give_up).await
}
