//! Pages for users only, in actix-web: a middleware around a scope.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, HttpServer, web};
use session_actix::{
    MemoryBackend, Session, SessionConfigBuilder, SessionError, SessionHandle, SessionMiddleware, SessionRejection,
};

async fn users_only<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let session = SessionHandle::of(&request)?.load().await.map_err(SessionRejection::from)?;
    if !session.is_signed_in() {
        return Err(SessionRejection::from(SessionError::NotSignedIn).into());
    }
    next.call(request).await
}

async fn login(session: Session) -> Result<&'static str, SessionRejection> {
    session.sign_in("ann")?;
    Ok("signed in\n")
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = SessionConfigBuilder::development("session").backend(MemoryBackend::new()).build()?;
    // Outside of the closure, which each thread calls: all threads share the store.
    let sessions = SessionMiddleware::new(config);
    let account = || web::scope("/account").wrap(from_fn(users_only)).route("", web::get().to(|| async { "yours\n" }));
    let server = HttpServer::new(move || {
        App::new().service(account()).route("/login", web::post().to(login)).wrap(sessions.clone()) // called last, so it runs first
    });
    let address = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let server = server.workers(2).bind(address)?;
    println!("http://{}", server.addrs()[0]);
    Ok(server.run().await?)
}
