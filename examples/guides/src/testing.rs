//! A handler with its tests: `cargo test -p guides --bin testing`.

use axum::{Router, routing::post};
use session_tower::{
    CurrentUser, MemoryBackend, Session, SessionConfig, SessionConfigBuilder, SessionLayer, SessionRejection,
};

async fn buy(CurrentUser(name): CurrentUser, session: Session) -> Result<String, SessionRejection> {
    let items = session.update("cart", |items: Option<u32>| items.unwrap_or(0) + 1)?;
    Ok(format!("{name} has {items}\n"))
}

fn app(config: SessionConfig) -> Router {
    Router::new().route("/buy", post(buy)).layer(SessionLayer::new(config))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = SessionConfigBuilder::development("session").backend(MemoryBackend::new()).build()?;
    guides::serve(app(config)).await
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};
    use session_testkit::{CookieJar, Fault, Operation, TestSessions};
    use session_tower::SessionHandle;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn the_first_item() {
        let session = SessionHandle::from(TestSessions::new().handle(&CookieJar::new())).load().await.unwrap();
        let answer = buy(CurrentUser("ann".to_owned()), session).await.unwrap();
        assert_eq!(answer, "ann has 1\n");
    }

    #[tokio::test]
    async fn a_user_buys_and_a_visitor_does_not() {
        let sessions = TestSessions::new();
        let app = app(sessions.config());
        let buy = |jar: &CookieJar| Request::post("/buy").header("cookie", jar.header()).body(Body::empty()).unwrap();

        assert_eq!(app.clone().oneshot(buy(&CookieJar::new())).await.unwrap().status(), 401);
        let ann = sessions.jar_with(|session| session.sign_in("ann")).await;
        assert_eq!(app.clone().oneshot(buy(&ann)).await.unwrap().status(), 200);
        assert_eq!(sessions.read(&ann).await.get::<u32>("cart").unwrap(), Some(1));

        sessions.store().fail(Operation::All, Fault::Down);
        assert_eq!(app.oneshot(buy(&ann)).await.unwrap().status(), 503);
    }
}
