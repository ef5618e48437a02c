//! actix-web: sign-in, and a count of visits.

use actix_web::{App, HttpRequest, HttpServer, http::header::USER_AGENT, web};
use serde::Deserialize;
use session_actix::{
    CurrentUser, MemoryBackend, Session, SessionConfig, SessionHandle, SessionMiddleware, SessionRejection,
};

async fn home(session: Session, user: Option<CurrentUser>) -> Result<String, SessionRejection> {
    let visits = session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1)?;
    let name = user.map_or("stranger".to_owned(), |CurrentUser(name)| name);
    Ok(format!("Hello, {name}. This is visit {visits}.\n"))
}

#[derive(Deserialize)]
struct Login {
    name: String,
    password: String,
}

async fn login(
    session: Session,
    request: HttpRequest,
    form: web::Form<Login>,
) -> Result<&'static str, SessionRejection> {
    if (form.name.as_str(), form.password.as_str()) != ("ann", "open sesame") {
        return Ok("This name and password don't match.\n");
    }
    session.sign_in(&form.name)?;
    let browser = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    session.set_label("device", browser.unwrap_or("unknown device"))?;
    Ok("Welcome.\n")
}

async fn logout(session: SessionHandle) -> &'static str {
    session.sign_out();
    "Bye.\n"
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = std::env::var("SESSION_SECRET").map_err(|_| "SESSION_SECRET is not set")?;
    let config = SessionConfig::builder(secret, "session").backend(MemoryBackend::new()).build()?;
    // Outside of the closure: all threads of the server share it.
    let sessions = SessionMiddleware::new(config);
    let server = HttpServer::new(move || {
        App::new()
            .wrap(sessions.clone())
            .route("/", web::get().to(home))
            .route("/login", web::post().to(login))
            .route("/logout", web::post().to(logout))
    });
    let address = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let server = server.bind(address)?;
    println!("http://{}", server.addrs()[0]);
    Ok(server.run().await?)
}
