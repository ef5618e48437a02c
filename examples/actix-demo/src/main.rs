//! The demo server in actix-web: sessions to look at in the browser or with curl.
//!
//! `cargo run -p actix-demo` starts it. What to copy from here: the middleware in `main.rs`, the routes in `app.rs` and
//! the handlers in `routes.rs`. How a configuration is built is in `demo-common`, which has no actix in it.

mod app;
mod error;
mod routes;

use std::io;
use std::process::ExitCode;

use actix_web::http::header::X_CONTENT_TYPE_OPTIONS;
use actix_web::middleware::DefaultHeaders;
use actix_web::{App, HttpServer};
use demo_common::{Args, announce, listen, shutdown};
use session_actix::{SessionConfig, SessionMiddleware};

#[tokio::main]
async fn main() -> ExitCode {
    let (args, config) = Args::read("actix-demo");
    match serve(&args, config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(args: &Args, config: SessionConfig) -> io::Result<()> {
    // Before anybody can know that the server is there, and so want to stop it.
    let (stop, give_up) = (shutdown::requested()?, shutdown::overdue()?);
    let listener = listen(args.listen)?;
    let address = listener.local_addr()?;
    let backend = args.backend;
    // Outside of the closure, which every thread of the server calls: all share its locks. One middleware around all
    // routes: those that don't ask for the session pay nothing for it.
    let sessions = SessionMiddleware::new(config).on_error(error::session_error);
    let server = HttpServer::new(move || {
        App::new()
            .configure(|routes| app::configure(routes, backend))
            .wrap(sessions.clone())
            // A browser that is shown somebody's session data must not take it for a page.
            .wrap(DefaultHeaders::new().add((X_CONTENT_TYPE_OPTIONS, "nosniff")))
    });
    let server = server.disable_signals().shutdown_timeout(2 * shutdown::GRACE.as_secs()).listen(listener)?.run();
    announce(address);
    let handle = server.handle();
    tokio::spawn(async move {
        stop.await;
        handle.stop(true).await;
    });
    tokio::select! {
        outcome = server => outcome,
        () = give_up => Ok(()),
    }
}
