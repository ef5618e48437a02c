//! Serving, and when to stop.

use std::io;
use std::net::TcpListener;

use axum::Router;

/// Serves until `stop`, and then what is under way, which `give_up` cuts short.
///
/// # Errors
///
/// If the listener is of no use.
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
