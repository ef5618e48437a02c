//! Sessions of the real frameworks are taken over: users stay logged in when a service has moved.

use std::time::Duration;

use actix_session::config::CookieContentSecurity;
use serde_json::{Value, json};
use session_compat::{
    ActixSession, CookieSession, DjangoCache, DjangoCookie, DjangoDb, Express, Flask, FlaskSession, StarlettePickle,
    TowerSessions,
};
use session_core::format::{AcceptedFormat, Format};
use session_redis::RedisBackend;
use session_test_support::RedisServer;
use session_tower::SessionConfig;

use crate::actix_session::Actix;
use crate::support::{
    App, Browser, COOKIE, Express as ExpressServer, Framework, Peer, RustServer, SECRET, Server, get,
};
use crate::tower_sessions::{Cookies, Tower};

const OWN_SECRET: &str = "a secret that the former service does not know";

const DATA: &str = r#"{"user":"ann","n":7,"text":"é 🦀","list":[1,null,{"a":true}]}"#;

/// A server whose own cookie has another name and secret.
async fn rust(redis: &RedisServer, accepted: AcceptedFormat) -> RustServer {
    let backend = RedisBackend::connect(&redis.url()).expect("a URL");
    let config = SessionConfig::builder(OWN_SECRET, "own").key_prefix("own:").backend(backend).accept_format(accepted);
    // A busy machine must not decide a test.
    let config = config.request_deadline(Duration::from_secs(30));
    RustServer::start(config.build().expect("the configuration is good")).await
}

fn stored(redis: &RedisServer, format: impl Format) -> AcceptedFormat {
    let backend = RedisBackend::connect(&redis.url()).expect("a URL");
    AcceptedFormat::new(format, SECRET, COOKIE).backend(backend)
}

/// A user of the former service is one of the new service, with the same data, and its old cookie and record are gone.
async fn assert_moved(redis: &RedisServer, former: &(impl Server + Sync), accepted: AcceptedFormat) {
    let new = rust(redis, accepted).await;
    let browser = Browser::new();
    browser.post(former, "/update_session", DATA).await;
    browser.post(former, "/login", r#"{"user":"bob"}"#).await;
    let mut expected: Value = serde_json::from_str(DATA).expect("it is JSON");
    expected["user"] = "bob".into();
    let moved = browser.get(&new, "/view_session").await;
    assert_eq!(moved.session(), expected);
    let lasts = |cookie: &&str| cookie.starts_with("own=") && cookie.contains("Max-Age=1209600");
    assert!(moved.set_cookies().iter().any(lasts), "it lasts as long as others: {moved:?}");
    assert_eq!(browser.cookie(former), None, "the former cookie is removed");
    assert!(browser.cookie(&new).is_some());
    let keys = redis.ask(&["KEYS", "*"]).into_iter().filter(|key| !key.starts_with("gone:"));
    assert!(keys.clone().all(|key| key.starts_with("own:")), "{:?}", keys.collect::<Vec<_>>());
    browser.post(&new, "/update_session", r#"{"n":8}"#).await;
    expected["n"] = 8.into();
    assert_eq!(browser.view(&new).await, expected);
    browser.post(&new, "/logout", "").await;
    assert_eq!(browser.view(&new).await, json!({}));
}

#[tokio::test]
async fn users_of_express_stay_logged_in() {
    let redis = RedisServer::start(&[]);
    for options in [&[][..], &["--max-age", "3600"]] {
        assert_moved(&redis, &ExpressServer::start(&redis.url(), options), stored(&redis, Express::new())).await;
    }
}

#[tokio::test]
async fn an_older_secret_and_the_prefix_are_those_of_the_former_service() {
    let redis = RedisServer::start(&[]);
    let backend = RedisBackend::connect(&redis.url()).expect("a URL");
    let accepted = AcceptedFormat::new(Express::new(), "a newer secret of the former service", COOKIE);
    let accepted = accepted.verify_key(SECRET).key_prefix("app:").backend(backend);
    assert_moved(&redis, &ExpressServer::start(&redis.url(), &["--key-prefix", "app:"]), accepted).await;
}

#[tokio::test]
async fn a_session_that_is_kept_goes_on_at_both_services_until_a_logout() {
    let (redis, browser) = (RedisServer::start(&[]), Browser::new());
    let former = ExpressServer::start(&redis.url(), &[]);
    let new = rust(&redis, stored(&redis, Express::new()).keep(true)).await;
    browser.post(&former, "/login", r#"{"user":"ann"}"#).await;
    assert_eq!(browser.view(&new).await["user"], "ann");
    assert_eq!(browser.view(&former).await["user"], "ann");
    let cookie = browser.cookie(&former).expect("the former cookie is kept");
    browser.post(&new, "/logout", "").await;
    assert_eq!((browser.cookie(&former), browser.cookie(&new)), (None, None));
    assert_eq!(get(&former, "/view_session", &cookie).await.session(), json!({}));
}

#[tokio::test]
async fn users_of_cookie_session_stay_logged_in() {
    let accepted = AcceptedFormat::new(CookieSession::new(), SECRET, COOKIE);
    assert_moved(&RedisServer::start(&[]), &ExpressServer::in_cookies(&[]), accepted).await;
}

#[tokio::test]
async fn users_of_starlette_session_stay_logged_in() {
    let redis = RedisServer::start(&[]);
    let python = Peer::start(App::StarletteSession, SECRET, COOKIE, &["--redis", &redis.url(), "--pickle", "redis"]);
    assert_moved(&redis, &python, stored(&redis, StarlettePickle)).await;
}

#[tokio::test]
async fn users_of_flask_stay_logged_in() {
    let redis = RedisServer::start(&[]);
    let in_cookie = || AcceptedFormat::new(Flask::new(), SECRET, COOKIE);
    assert_moved(&redis, &Framework::flask(&[]), in_cookie()).await;
    assert_moved(&redis, &Framework::flask(&["--permanent"]), in_cookie()).await;
    assert_moved(&redis, &Framework::flask(&["--redis", &redis.url()]), stored(&redis, FlaskSession::new())).await;
}

#[tokio::test]
async fn users_of_django_stay_logged_in() {
    let redis = RedisServer::start(&[]);
    assert_moved(&redis, &Framework::django(&[]), AcceptedFormat::new(DjangoCookie, SECRET, COOKIE)).await;
    assert_moved(&redis, &Framework::django(&["--redis", &redis.url()]), stored(&redis, DjangoCache::new())).await;
}

#[cfg(feature = "sql")]
#[tokio::test]
async fn users_of_djangos_table_stay_logged_in() {
    let (site, django) = (crate::django_db::Site::sqlite(), DjangoDb::new(SECRET));
    let table = session_sql::SqlBackend::builder().django(django.clone()).connect(&site.url).expect("a URL");
    table.create_table().await.expect("the file is there");
    let accepted = AcceptedFormat::new(django, SECRET, COOKIE).backend(table);
    assert_moved(&RedisServer::start(&[]), &site.django, accepted).await;
}

#[tokio::test]
async fn users_of_actix_session_stay_logged_in() {
    let redis = RedisServer::start(&[]);
    let signed = || CookieContentSecurity::Signed;
    let in_redis = stored(&redis, ActixSession::in_redis().signed());
    assert_moved(&redis, &Actix::start(Some(&redis), signed).await, in_redis).await;
    let in_cookie = AcceptedFormat::new(ActixSession::in_cookie().signed(), SECRET, COOKIE);
    assert_moved(&redis, &Actix::start(None, signed).await, in_cookie).await;
}

#[tokio::test]
async fn users_of_tower_sessions_stay_logged_in() {
    let redis = RedisServer::start(&[]);
    let signed = stored(&redis, TowerSessions::new().signed());
    assert_moved(&redis, &Tower::start(&redis, Cookies::Signed).await, signed).await;
}
