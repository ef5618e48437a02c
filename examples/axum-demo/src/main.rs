//! The server that everything is shown with: sessions in axum, to look at in the browser or with curl.
//!
//! `cargo run -p axum-demo` starts it. What to copy from here: the router in `app.rs` and the handlers in `routes.rs`. How
//! a configuration is built is in `demo-common`, which has no axum in it.

mod app;
mod error;
mod routes;

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use axum::Router;
use demo_common::{Args, announce, listen, shutdown};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> ExitCode {
    let (args, config) = Args::read("axum-demo");
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
    let listener = TcpListener::from_std(listen(address)?)?;
    announce(listener.local_addr()?);
    let server = axum::serve(listener, app).with_graceful_shutdown(stop);
    tokio::select! {
        outcome = server => outcome,
        () = give_up => Ok(()),
    }
}
