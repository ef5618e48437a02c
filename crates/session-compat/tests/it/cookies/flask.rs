//! Cookies of Flask.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use session_compat::Flask;
use session_core::signer::{Key, KeyDerivation, Signer, TimestampSigner};
use session_core::{Lifetime, SessionConfig};

use super::{Vector, check, json_of, manager, token, visit, written};
use crate::support::vectors;

const NOW: u64 = 1_700_000_000;

fn flask() -> session_core::SessionConfigBuilder {
    SessionConfig::builder("secret", "session").format(Flask::new()).danger_allow_weak_secret(true)
}

#[tokio::test]
async fn each_cookie_is_the_session_that_flask_read_or_none() {
    let vectors: Vec<Vector> = vectors("flask.json");
    let cookies: Vec<_> = vectors.iter().filter(|vector| vector.format.starts_with("flask_cookie")).collect();
    assert_eq!(cookies.len(), 73);
    for vector in cookies {
        let lifetime =
            vector.lifetime.map_or(Flask::new(), |seconds| Flask::new().lifetime(Duration::from_secs(seconds)));
        check(vector, || vector.builder(lifetime)).await;
    }
}

#[tokio::test]
async fn a_cookie_is_written_as_flask_writes_it() {
    let set_cookie = written(&manager(flask(), NOW), r#"{"user":"ann"}"#).await;
    assert_eq!(token(&set_cookie), "eyJ1c2VyIjoiYW5uIn0.ZVPxAA.GFtq3wiqqwppfB-dNT-Lml3dckM");
    assert!(!set_cookie.contains("Max-Age"), "the session ends with the browser: {set_cookie}");
    let long = written(&manager(flask(), NOW), &format!(r#"{{"a":"{}"}}"#, "x".repeat(9000))).await;
    assert!(long.len() < 200 && token(&long).starts_with('.'), "{long}");
    let (found, _) = visit(&manager(flask(), NOW), &format!("session={}", token(&long))).await;
    assert_eq!(json_of(&found.unwrap())["a"].as_str().map(str::len), Some(9000));
}

#[tokio::test]
async fn a_cookie_that_inflates_beyond_all_bounds_is_no_session() {
    let key = Key::new("secret").derivation(KeyDerivation::Hmac);
    let signer = TimestampSigner::from(Signer::with_salt(key, "cookie-session"));
    let manager = manager(flask(), NOW);
    // The largest session that is read, and one byte more.
    for (letters, is_read) in [((1 << 20) - 8, true), ((1 << 20) - 7, false)] {
        let json = format!(r#"{{"a":"{}"}}"#, "x".repeat(letters));
        let packed = URL_SAFE_NO_PAD.encode(miniz_oxide::deflate::compress_to_vec_zlib(json.as_bytes(), 9));
        let token = signer.sign(format!(".{packed}"), NOW);
        assert!(token.len() < 4096);
        let handle = manager.open([[b"session=", &*token].concat().as_slice()]);
        assert_eq!(!handle.load().await.unwrap().is_new(), is_read, "{letters}");
    }
}

#[tokio::test]
async fn a_lifetime_that_rust_sets_makes_a_session_permanent() {
    let manager = manager(flask(), NOW);
    for (lifetime, max_age) in [(31 * 24 * 3600, "Max-Age=2678400"), (3600, "Max-Age=3600")] {
        let handle = manager.open([b"session=eyJ1c2VyIjoiYW5uIn0.ZVPxAA.GFtq3wiqqwppfB-dNT-Lml3dckM".as_slice()]);
        let session = handle.load().await.unwrap();
        session.set_lifetime(Lifetime::For(Duration::from_secs(lifetime))).unwrap();
        drop(session);
        let set_cookie = handle.commit(200).await.set_cookie.unwrap().as_str().to_owned();
        assert!(set_cookie.contains(max_age), "{set_cookie}");
        let payload = token(&set_cookie).split('.').next().unwrap();
        assert!(payload.starts_with("eyJfcGVybWFuZW50Ijp0cnVl"), "it begins with `_permanent`: {set_cookie}");
        let (found, again) = visit(&manager, &format!("session={}", token(&set_cookie))).await;
        assert_eq!((found.unwrap().into_json().as_str(), again), (r#"{"user":"ann"}"#, None));
    }
}
