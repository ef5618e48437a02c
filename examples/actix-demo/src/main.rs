//! The demo server in actix-web, whose sessions you can view in the browser or with curl.
//!
//! `cargo run -p actix-demo` starts it. To copy: the middleware in `serve.rs`, the routes in `app.rs` and the handlers
//! in `routes.rs`. `demo-common` builds the configuration, without actix-web.

use std::io;
use std::process::ExitCode;

use actix_demo::{configure, serve};
use demo_common::{Args, announce, listen, shutdown};
use session_actix::SessionConfig;

#[tokio::main]
async fn main() -> ExitCode {
    let (args, config) = Args::read("actix-demo").await;
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
    let facts = args.facts();
    serve(listener, move |routes| configure(routes, facts), config, stop, give_up).await
}
