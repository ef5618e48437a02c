//! The cookies of cookie-session.

use serde::Deserialize;
use serde_json::Value;
use session_compat::CookieSession;
use session_core::adapter::Commit;
use session_core::format::AcceptedFormat;
use session_core::{SessionConfig, SessionManager};

use crate::support::vectors;

#[derive(Deserialize)]
struct Vector {
    id: String,
    tags: Vec<String>,
    cookie_name: String,
    keys: Option<Vec<String>>,
    header: Option<String>,
    #[serde(default)]
    sign_matches: bool,
    session: Option<String>,
    expected: String,
    recommend: Option<String>,
    may_reject: bool,
}

fn manager(name: &str, keys: &[String]) -> SessionManager {
    let config = SessionConfig::builder(keys[0].as_str(), name).format(CookieSession::new());
    let config = keys[1..].iter().fold(config, |config, key| config.verify_key(key.as_str()));
    SessionManager::new(config.danger_allow_weak_secret(true).build().expect("the configuration is good"))
}

/// The pairs of the cookies that a response sets, the value before its signature.
fn pairs(commit: &Commit) -> String {
    let pair = |cookie: &str| cookie.split(';').next().unwrap_or_default().to_owned();
    let mut pairs: Vec<_> = commit.set_cookies().map(|cookie| pair(cookie.as_str())).collect();
    pairs.reverse();
    pairs.join("; ")
}

#[tokio::test]
async fn each_pair_of_cookies_is_the_session_that_express_read_or_none() {
    let (mut read, mut signed) = (0, 0);
    let all: Vec<Vector> = vectors("cookie-session.json");
    assert_eq!(all.len(), 30);
    for vector in all {
        let Vector { id, tags, cookie_name, keys, header, sign_matches, session, expected, recommend, may_reject } =
            vector;
        // The rest tells what Express sets.
        let Some(header) = header else { continue };
        let manager = manager(&cookie_name, &keys.unwrap_or(vec!["unsigned".to_owned()]));
        let handle = manager.open([header.as_bytes()]);
        let found = handle.load().await.unwrap();
        let reserved = tags.iter().any(|tag| tag == "reserved-keys");
        // Express accepts payloads that it never writes, such as arrays.
        let is_ok = recommend.unwrap_or(expected) == "ok" && (!may_reject || reserved);
        assert_eq!(!found.is_new(), is_ok, "{id} {tags:?}");
        if !is_ok {
            continue;
        }
        read += 1;
        let expected: Value = serde_json::from_str(&session.unwrap()).unwrap();
        let map = found.to_map();
        if !reserved {
            assert_eq!(serde_json::from_str::<Value>(&map.as_json()).unwrap(), expected, "{id}");
        }
        // It is written again, unchanged.
        found.renew().unwrap();
        let commit = handle.commit(200).await;
        if sign_matches {
            assert_eq!(pairs(&commit), header, "{id}");
            signed += 1;
        }
    }
    assert!(read >= 10 && signed >= 6, "{read} {signed}");
}

const SECRET: &str = "a secret of at least thirty-two bytes";

fn express() -> SessionManager {
    manager("session", &[SECRET.to_owned()])
}

async fn begin(manager: &SessionManager) -> Commit {
    let handle = manager.open([]);
    handle.load().await.expect("there is no cookie").insert("user", "ann").expect("it is text");
    handle.commit(200).await
}

#[tokio::test]
async fn both_cookies_are_set_and_removed_together() {
    let manager = express();
    let commit = begin(&manager).await;
    let set: Vec<_> = commit.set_cookies().map(|cookie| cookie.as_str().to_owned()).collect();
    assert_eq!(set.len(), 2);
    assert!(set[0].starts_with("session.sig=") && set[1].starts_with("session=eyJ1c2VyIjoiYW5uIn0=;"), "{set:?}");
    assert!(set.iter().all(|cookie| cookie.ends_with("; HttpOnly; SameSite=Lax; Path=/")), "{set:?}");
    let pairs = pairs(&commit);
    let handle = manager.open([pairs.as_bytes()]);
    assert_eq!(handle.load().await.unwrap().get("user").unwrap(), Some("ann".to_owned()));
    assert_eq!(handle.commit(200).await.set_cookies().count(), 0, "a read sets none");
    let handle = manager.open([pairs.as_bytes()]);
    handle.destroy();
    let removed = handle.commit(200).await;
    let removed: Vec<_> = removed.set_cookies().map(|cookie| cookie.as_str()).collect();
    assert!(removed[0].starts_with("session.sig=; ") && removed[1].starts_with("session=; "), "{removed:?}");
    assert!(removed.iter().all(|cookie| cookie.contains("Max-Age=0")), "{removed:?}");
}

#[tokio::test]
async fn a_session_is_taken_over_from_both_cookies() {
    let accepted = AcceptedFormat::new(CookieSession::new(), SECRET, CookieSession::COOKIE_NAME);
    let own = SessionConfig::builder("another secret of thirty-two bytes", "session").accept_format(accepted);
    let own = SessionManager::new(own.build().unwrap());
    let pairs = pairs(&begin(&express()).await);
    let handle = own.open([pairs.as_bytes()]);
    assert_eq!(handle.load().await.unwrap().get("user").unwrap(), Some("ann".to_owned()));
    let commit = handle.commit(200).await;
    let set: Vec<_> = commit.set_cookies().map(|cookie| cookie.as_str()).collect();
    assert!(set[0].starts_with("session.sig=; "), "{set:?}");
    assert!(set[1].starts_with("session=eyJ1c2VyIjoiYW5uIn0=."), "the cookie of this name has a new value: {set:?}");
}

#[tokio::test]
async fn a_signature_alone_or_of_another_value_is_no_session() {
    let manager = express();
    let commit = begin(&manager).await;
    let pairs = pairs(&commit);
    let (value, signature) = pairs.split_once("; ").unwrap();
    for header in [
        value.to_owned(),
        signature.to_owned(),
        format!("session=e30=; {signature}"),
        value.replace('=', "%3D") + "; " + signature,
    ] {
        let handle = manager.open([header.as_bytes()]);
        assert!(handle.load().await.unwrap().is_new(), "{header}");
    }
}
