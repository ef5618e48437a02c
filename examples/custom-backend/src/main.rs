//! Counts visits. The counts survive a restart, because sessions are files.
//!
//! `SESSION_SECRET=$(openssl rand -base64 32) cargo run -p custom-backend -- [FOLDER [ADDRESS]]`

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use axum::{Router, routing::get};
use custom_backend::FolderBackend;
use session_tower::{Session, SessionConfig, SessionLayer, SessionRejection};
use tokio::net::TcpListener;

async fn visit(session: Session) -> Result<String, SessionRejection> {
    let visits = session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1)?;
    Ok(format!("This is visit {visits}.\n"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| "sessions".to_owned());
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:3000".to_owned());

    fs::create_dir_all(&folder)?;
    let backend = Arc::new(FolderBackend(folder.into()));
    std::thread::spawn({
        let backend = backend.clone();
        move || sweep(&backend)
    });

    let config = SessionConfig::builder(env::var("SESSION_SECRET")?, "session").backend(backend).build()?;
    let app = Router::new().route("/", get(visit)).layer(SessionLayer::new(config));
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

fn sweep(backend: &FolderBackend) {
    loop {
        if let Err(error) = backend.sweep() {
            eprintln!("can't free old sessions: {error}");
        }
        std::thread::sleep(Duration::from_secs(3600));
    }
}
