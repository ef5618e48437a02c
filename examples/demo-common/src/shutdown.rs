//! The signals that stop a server.

use std::io;
use std::time::Duration;

/// The time that requests in progress get to finish.
pub const GRACE: Duration = Duration::from_secs(5);

/// Resolves when Ctrl-C is pressed or the process receives SIGTERM. Signals count from this call on, even before the
/// future is polled.
///
/// # Errors
///
/// If the system can't report signals.
#[cfg(unix)]
pub fn requested() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Resolves when Ctrl-C is pressed. It counts from this call on, even before the future is polled.
///
/// # Errors
///
/// If the system can't report it.
#[cfg(windows)]
pub fn requested() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}

/// Resolves some seconds after that. Slow requests, and connections that never finish theirs, are then cancelled.
///
/// # Errors
///
/// The errors of [`requested`].
pub fn overdue() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let requested = requested()?;
    Ok(async move {
        requested.await;
        tokio::time::sleep(GRACE).await;
        eprintln!("note: not all requests were finished after {GRACE:?}");
    })
}
