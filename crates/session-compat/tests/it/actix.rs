//! Cookies and stored values of actix-session.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use session_compat::ActixSession;
use session_core::{
    AtomicBackend, BackendErrorKind, Create, MemoryBackend, OnCorrupt, Refresh, SessionCodec, SessionConfig,
    SessionConfigBuilder, SessionManager, SessionMap,
};

use crate::support::vectors;

#[derive(Deserialize)]
struct Vector {
    id: String,
    format: String,
    tags: Vec<String>,
    cookie_name: String,
    key_b64: String,
    mode: String,
    token: Option<String>,
    header: Option<String>,
    store_key: Option<String>,
    store_value_b64: Option<String>,
    store_value: Option<String>,
    session: Option<String>,
    #[serde(default)]
    sign_matches: bool,
    #[serde(default)]
    may_reject: bool,
    expected: String,
    recommend: Option<String>,
}

impl Vector {
    fn builder(&self, format: ActixSession) -> SessionConfigBuilder {
        let key = STANDARD.decode(&self.key_b64).expect("it is base64");
        let format = if self.mode == "signed" { format.signed() } else { format };
        SessionConfig::builder(key, &self.cookie_name).format(format).refresh(Refresh::Always)
    }

    fn header(&self) -> String {
        self.header
            .clone()
            .unwrap_or_else(|| format!("{}={}", self.cookie_name, self.token.clone().unwrap_or_default()))
    }
}

fn of_format(format: &str, count: usize) -> Vec<Vector> {
    let vectors: Vec<Vector> = vectors("actix-session.json");
    let vectors: Vec<_> = vectors.into_iter().filter(|vector| vector.format == format).collect();
    assert_eq!(vectors.len(), count);
    vectors
}

/// Returns the session of a header, and the token that follows it.
async fn visit(manager: &SessionManager, header: &str) -> (Option<SessionMap>, Option<String>) {
    let handle = manager.open([header.as_bytes()]);
    let session = handle.load().await.expect("no cookie is an error");
    let found = (!session.is_new()).then(|| session.to_map());
    let set_cookie = handle.commit(200).await.set_cookie;
    let token = set_cookie.and_then(|cookie| Some(cookie.as_str().split(';').next()?.split_once('=')?.1.to_owned()));
    (found, token)
}

fn assert_found(vector: &Vector, found: Option<&SessionMap>) {
    let Vector { id, tags, .. } = vector;
    match vector.recommend.as_deref().unwrap_or(&vector.expected) {
        "ok" => assert!(found.is_some(), "{id} {tags:?}"),
        "empty" | "cleared" if !tags.iter().any(|tag| tag == "purge") => assert!(found.is_none(), "{id} {tags:?}"),
        _ => {}
    }
    if let (Some(found), Some(expected), false) = (found, &vector.session, vector.may_reject) {
        let (found, expected): (Value, Value) = (
            serde_json::from_str(&found.as_json()).expect("it is JSON"),
            serde_json::from_str(expected).expect("it is JSON"),
        );
        assert_eq!(found, expected, "{id} {tags:?}");
    }
}

#[tokio::test]
async fn each_cookie_is_the_session_that_actix_read_or_none() {
    for vector in of_format("actix_session_cookie", 23) {
        let manager = SessionManager::new(vector.builder(ActixSession::in_cookie()).build().unwrap());
        let (found, token) = visit(&manager, &vector.header()).await;
        assert_found(&vector, found.as_ref());
        if vector.sign_matches {
            assert_eq!(token, vector.token, "{}", vector.id);
        }
        // An encrypted token has a nonce of its own each time.
        if let Some(token) = token.filter(|_| found.is_some()) {
            assert_eq!(visit(&manager, &format!("{}={token}", vector.cookie_name)).await.0, found, "{}", vector.id);
        }
    }
}

#[tokio::test]
async fn each_stored_session_is_the_one_that_actix_read_or_none() {
    for vector in of_format("actix_session_redis", 12) {
        let memory = MemoryBackend::new();
        let stored = vector.store_value_b64.as_ref().map(|value| STANDARD.decode(value).unwrap());
        let stored = stored.or(vector.store_value.clone().map(String::into_bytes));
        let decoded = stored.map(|bytes| ActixSession::in_redis().decode(&bytes));
        if let (Some(Ok(session)), Some(key)) = (&decoded, &vector.store_key) {
            memory.create(Create::new(key, session, Duration::from_secs(60))).await.unwrap();
            let back = ActixSession::in_redis().encode(session).unwrap();
            assert_eq!(ActixSession::in_redis().decode(&back).unwrap(), *session, "{}", vector.id);
        }
        if let Some(Err(error)) = &decoded {
            assert_eq!(error.kind(), BackendErrorKind::Corrupt);
        }
        let config = vector.builder(ActixSession::in_redis()).on_corrupt(OnCorrupt::Absent).backend(memory);
        let (found, token) = visit(&SessionManager::new(config.build().unwrap()), &vector.header()).await;
        assert_found(&vector, found.as_ref());
        if vector.sign_matches && found.is_some() {
            assert_eq!(token, vector.token, "{}", vector.id);
        }
    }
}

#[test]
fn a_text_that_is_more_than_one_value_is_refused() {
    for stored in [r#"{"a":"1,\"admin\":true"}"#, r#"{"a":""}"#, r#"{"a":"1}"}"#, r#"{"a":1}"#, "[]", "{"] {
        let error = ActixSession::in_redis().decode(stored.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), BackendErrorKind::Corrupt, "{stored}");
    }
    let quoted = ActixSession::in_redis().decode(br#"{"a":4711}"#).unwrap_err();
    assert!(!format!("{quoted:?}").contains("4711"), "a log line prints the cause: {quoted:?}");
    let plain = ActixSession::in_redis().decode(br#"{"user":"\"ann\"","n":" 7"}"#).unwrap();
    assert_eq!(plain.as_json(), r#"{"user":"ann","n":7}"#);
}
