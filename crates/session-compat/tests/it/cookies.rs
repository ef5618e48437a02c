//! Sessions that live in the cookies of Flask and Django.

mod django;
mod flask;
mod of_requests;

use serde::Deserialize;
use serde_json::{Value, json};
use session_core::format::Format;
use session_core::{Refresh, SessionConfig, SessionConfigBuilder, SessionManager, SessionMap};
use session_testkit::TestClock;

#[derive(Deserialize)]
struct Vector {
    id: String,
    format: String,
    tags: Vec<String>,
    #[serde(default)]
    cookie_name: String,
    secret: String,
    secret_fallbacks: Option<Vec<String>>,
    #[serde(default)]
    now: u64,
    signed_at: Option<u64>,
    token: Option<String>,
    header: Option<String>,
    payload_text: Option<String>,
    #[serde(default)]
    sign_matches: bool,
    #[serde(default)]
    may_reject: bool,
    lifetime: Option<u64>,
    max_age: Option<u64>,
    session: Option<String>,
    expected: String,
    recommend: Option<String>,
}

impl Vector {
    fn builder(&self, format: impl Format) -> SessionConfigBuilder {
        let builder = SessionConfig::builder(self.secret.as_str(), &self.cookie_name).format(format);
        let fallbacks = self.secret_fallbacks.iter().flatten();
        let builder = fallbacks.fold(builder, |builder, secret| builder.verify_key(secret.as_str()));
        builder.danger_allow_weak_secret(true).refresh(Refresh::Always)
    }

    fn header(&self) -> String {
        self.header
            .clone()
            .unwrap_or_else(|| format!("{}={}", self.cookie_name, self.token.clone().expect("there is a token")))
    }
}

fn manager(builder: SessionConfigBuilder, now: u64) -> SessionManager {
    SessionManager::new(builder.clock(TestClock::at(now)).build().expect("the configuration is good"))
}

/// Returns the session of a header, and the cookie that follows it.
async fn visit(manager: &SessionManager, header: &str) -> (Option<SessionMap>, Option<String>) {
    let handle = manager.open([header.as_bytes()]);
    let session = handle.load().await.expect("no cookie is an error");
    let found = (!session.is_new()).then(|| session.to_map());
    let set_cookie = handle.commit(200).await.set_cookie;
    (found, set_cookie.map(|cookie| cookie.as_str().to_owned()))
}

/// Checks that a vector gives the session that its framework read, or none where that is recommended.
async fn check(vector: &Vector, builder: impl Fn() -> SessionConfigBuilder) {
    let Vector { id, tags, .. } = vector;
    let (found, _) = visit(&manager(builder(), vector.now), &vector.header()).await;
    match vector.recommend.as_deref().unwrap_or(&vector.expected) {
        "ok" => assert!(found.is_some(), "{id} {tags:?}"),
        "empty" => assert!(found.is_none(), "{id} {tags:?}"),
        _ => {}
    }
    let Some(found) = found else { return };
    // A session that is read is the text in the token; Flask's values of other types stay as they are.
    let expected = vector.payload_text.as_ref().or(vector.session.as_ref()).expect("it is a session");
    if tags.iter().any(|tag| tag == "lone-surrogate") {
        return assert_eq!(found.as_json(), **expected, "{id}");
    }
    let mut expected: Value = serde_json::from_str(expected).expect("it is JSON");
    let expected = expected.as_object_mut().expect("a session is an object");
    for hidden in ["_permanent", "_session_expiry"] {
        expected.remove(hidden);
    }
    assert_eq!(json_of(&found), json!(expected), "{id} {tags:?}");
    // It is written unchanged.
    let Some(signed_at) = vector.signed_at.filter(|_| vector.sign_matches && !vector.may_reject) else { return };
    let (_, set_cookie) = visit(&manager(builder(), signed_at), &vector.header()).await;
    // A key that is hidden from handlers changes its place.
    if vector.secret_fallbacks.is_none() && tags != &["session-expiry"] {
        assert_eq!(set_cookie.as_deref().map(token), vector.token.as_deref(), "{id} {tags:?}");
    }
}

fn json_of(session: &SessionMap) -> Value {
    serde_json::from_str(&session.as_json()).expect("it is JSON")
}

/// The token of a `Set-Cookie` header.
fn token(set_cookie: &str) -> &str {
    let pair = set_cookie.split(';').next().unwrap_or_default();
    pair.split_once('=').expect("a cookie has a name").1
}

/// Sets a session, and returns its cookie.
async fn written(manager: &SessionManager, json: &str) -> String {
    let handle = manager.open([]);
    let session = handle.load().await.expect("no cookie is an error");
    for (key, value) in serde_json::from_str::<serde_json::Map<String, Value>>(json).expect("tests write JSON") {
        session.insert(&key, value).expect("it is JSON");
    }
    drop(session);
    handle.commit(200).await.set_cookie.expect("a session begins").as_str().to_owned()
}

/// The payload of a short JSON text.
fn packed(json: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json)
}
