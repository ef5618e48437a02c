//! A form whose token a page of another site can't know.

use axum::{Router, extract::Form, response::Html, routing::get};
use serde::Deserialize;
use session_tower::{MemoryBackend, Session, SessionConfigBuilder, SessionLayer, SessionRejection};

async fn form(session: Session) -> Result<Html<String>, SessionRejection> {
    let token = session.csrf_token()?;
    Ok(Html(format!(
        r#"<form method="post">
             <input type="hidden" name="csrf" value="{token}">
             <input name="amount"> <button>Transfer</button>
           </form>"#
    )))
}

#[derive(Deserialize)]
struct Transfer {
    csrf: String,
    amount: u32,
}

/// Answers 403 without the token of this session.
async fn transfer(session: Session, Form(transfer): Form<Transfer>) -> Result<String, SessionRejection> {
    session.verify_csrf(&transfer.csrf)?;
    Ok(format!("transferred {}\n", transfer.amount))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = SessionConfigBuilder::development("session").backend(MemoryBackend::new()).build()?;
    let app = Router::new().route("/", get(form).post(transfer)).layer(SessionLayer::new(config));
    guides::serve(app).await
}
