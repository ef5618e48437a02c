//! actix-session's own middleware reads what this library writes, and the other way round.

use actix_session::config::CookieContentSecurity;
use actix_session::storage::CookieSessionStore;
use actix_web::cookie::Key;
use actix_web::http::header::{COOKIE, SET_COOKIE};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::get;
use actix_web::{App, HttpResponse};
use session_actix::SessionConfig;
use session_compat::ActixSession;

const DATA: &str = "é \"🦀\" + %41;=/{}";

/// Visits the page of an application with a cookie. Returns the body, and the cookie that follows.
macro_rules! visit {
    ($middleware:expr, $session:ty, $path:expr, $cookie:expr) => {{
        let app = App::new()
            .wrap($middleware)
            .route(
                "/view",
                get().to(async |session: $session| {
                    let text = session.get::<String>("text").expect("it is text").unwrap_or_default();
                    let number = session.get::<u64>("n").expect("it is a number").unwrap_or_default();
                    HttpResponse::Ok().body(format!("{text}{number}"))
                }),
            )
            .route(
                "/set",
                get().to(async |session: $session| {
                    session.insert("text", DATA).expect("it is JSON");
                    session.insert("n", u64::MAX).expect("it is JSON");
                    HttpResponse::Ok().finish()
                }),
            );
        let service = init_service(app).await;
        let request = TestRequest::with_uri($path).insert_header((COOKIE, $cookie)).to_request();
        let response = call_service(&service, request).await;
        let set_cookie =
            response.headers().get(SET_COOKIE).map(|cookie| cookie.to_str().expect("it is text").to_owned());
        let cookie = set_cookie.and_then(|cookie| cookie.split(';').next().map(str::to_owned)).unwrap_or_default();
        (String::from_utf8(read_body(response).await.to_vec()).expect("it is text"), cookie)
    }};
}

#[tokio::test]
async fn both_read_what_the_other_has_written() {
    let expected = format!("{DATA}{}", u64::MAX);
    for secret in ["a secret of at least thirty-two bytes".to_owned(), "0123456789abcdef".repeat(4)] {
        for signed in [true, false] {
            let theirs = || {
                let key = match secret.len() {
                    64 => Key::from(secret.as_bytes()),
                    _ => Key::derive_from(secret.as_bytes()),
                };
                let security = if signed { CookieContentSecurity::Signed } else { CookieContentSecurity::Private };
                let builder = actix_session::SessionMiddleware::builder(CookieSessionStore::default(), key);
                builder.cookie_content_security(security).build()
            };
            let ours = || {
                let format = if signed { ActixSession::in_cookie().signed() } else { ActixSession::in_cookie() };
                let config = SessionConfig::builder(secret.as_str(), ActixSession::COOKIE_NAME).format(format);
                session_actix::SessionMiddleware::new(config.build().expect("the configuration is good"))
            };
            let (_, cookie) = visit!(ours(), session_actix::Session, "/set", "");
            assert_eq!(visit!(theirs(), actix_session::Session, "/view", &*cookie).0, expected, "signed: {signed}");
            let (_, cookie) = visit!(theirs(), actix_session::Session, "/set", "");
            assert_eq!(visit!(ours(), session_actix::Session, "/view", &*cookie).0, expected, "signed: {signed}");
        }
    }
}
