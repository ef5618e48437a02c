//! Values of Django's cache on Redis.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use session_compat::DjangoCache;
use session_core::{BackendErrorKind, SessionCodec, SessionMap};

use crate::support::{fastest, vectors};

#[derive(Deserialize)]
struct Vector {
    id: String,
    tags: Vec<String>,
    store_value_b64: Option<String>,
    expected: String,
    recommend: Option<String>,
    session: Option<String>,
}

/// The session of a stored value, with the lifetime as Django has it.
fn read(django: &DjangoCache, bytes: &[u8]) -> Option<Value> {
    let decoded = django.decode(bytes);
    let session = decoded.map_err(|error| assert_eq!(error.kind(), BackendErrorKind::Corrupt)).ok()?;
    session.validate().expect("a session that is read is JSON");
    let json = DjangoCache::new().json().encode(&session).expect("it is JSON");
    Some(serde_json::from_slice(&json).expect("it is JSON"))
}

#[test]
fn each_stored_value_is_the_session_that_django_read_or_refused() {
    let mut sessions = 0;
    let vectors = vectors::<Vector>("django-cache.json");
    assert_eq!(vectors.len(), 23);
    for Vector { id, tags, store_value_b64, expected, recommend, session } in vectors {
        let stored = STANDARD.decode(store_value_b64.unwrap_or_default()).unwrap();
        let is_json = tags.iter().any(|tag| tag == "django-redis") && tags.iter().any(|tag| tag == "json");
        let django = if is_json { DjangoCache::new().json() } else { DjangoCache::new() };
        let found = read(&django, &stored);
        // JSON can't carry them exactly.
        let lossy = ["tuple", "datetime", "bytes"].iter().any(|lossy| tags.iter().any(|tag| tag == lossy));
        match recommend.as_deref().unwrap_or(&expected) {
            _ if lossy => assert_eq!(found, None, "{id} {tags:?}"),
            "ok" | "accept" => assert!(found.is_some(), "{id} {tags:?}"),
            "reject" | "empty" => assert_eq!(found, None, "{id} {tags:?}"),
            _ => {}
        }
        let (Some(found), Some(session)) = (found, session) else { continue };
        assert_eq!(found, serde_json::from_str::<Value>(&session).unwrap(), "{id} {tags:?}");
        let back = django.encode(&django.decode(&stored).unwrap()).unwrap();
        assert_eq!(read(&django, &back).unwrap(), found, "{id}: it goes back as it came");
        sessions += 1;
    }
    assert!(sessions > 10, "{sessions}");
}

#[test]
fn a_text_that_inflates_beyond_all_bounds_is_refused_soon() {
    let bomb = miniz_oxide::deflate::compress_to_vec_zlib(&vec![b' '; 256 << 20], 9);
    assert!(bomb.len() < 300_000);
    let time = fastest(|| drop(DjangoCache::new().decode(&bomb)));
    // All of it takes a second and more.
    assert!(time < Duration::from_millis(100), "{time:?}");
    let error = DjangoCache::new().decode(&bomb).unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::Corrupt);
    assert!(format!("{error:?}").len() < 1000, "it quotes nothing");
}

#[test]
fn the_lifetime_is_the_expiry_of_django() {
    let django = DjangoCache::new().json();
    let session = django.decode(br#"{"_session_expiry": 300, "a": 1}"#).unwrap();
    assert!(!session.contains_key("_session_expiry"));
    let back = django.encode(&session).unwrap();
    assert_eq!(SessionMap::from_slice(&back).unwrap().raw_json("_session_expiry"), Some("300"));
    // One in another form stays.
    let dated = br#"{"_session_expiry":"2030-01-01T00:00:00+00:00"}"#;
    assert_eq!(django.encode(&django.decode(dated).unwrap()).unwrap(), dated);
}
