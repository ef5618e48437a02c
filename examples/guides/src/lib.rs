//! The end of each axum program: it serves on the address in `LISTEN`, or on port 3000.

use axum::Router;
use tokio::net::TcpListener;

/// Serves an application, and prints its address first.
///
/// # Errors
///
/// If the address is not free.
pub async fn serve(app: Router) -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
