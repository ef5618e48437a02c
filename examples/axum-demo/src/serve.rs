//! Serves the application until it is asked to stop.

use std::io;
use std::net::TcpListener;

use axum::Router;

/// Serves until `stop`, and then finishes requests in progress until `give_up`.
///
/// # Errors
///
/// If the listener can't be used.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    stop: impl Future<Output = ()> + Send + 'static,
    give_up: impl Future<Output = ()>,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let server = axum::serve(listener, app).with_graceful_shutdown(stop);
    tokio::select! {
        outcome = server => outcome,
        () = give_up => Ok(()),
    }
}
