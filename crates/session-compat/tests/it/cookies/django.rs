//! Cookies of Django's `signed_cookies`.

use std::time::Duration;

use session_compat::DjangoCookie;
use session_core::{Lifetime, SessionConfig};

use super::{Vector, check, manager, token, visit, written};
use crate::support::vectors;

const NOW: u64 = 1_700_000_000;

fn django() -> session_core::SessionConfigBuilder {
    SessionConfig::builder("secret", "sessionid").format(DjangoCookie).danger_allow_weak_secret(true)
}

#[tokio::test]
async fn each_cookie_is_the_session_that_django_read_or_none() {
    let vectors: Vec<Vector> = vectors("django.json");
    assert_eq!(vectors.len(), 58);
    for vector in &vectors {
        check(vector, || match vector.max_age {
            Some(seconds) => vector.builder(DjangoCookie).max_age(Duration::from_secs(seconds)),
            None => vector.builder(DjangoCookie),
        })
        .await;
    }
}

#[tokio::test]
async fn text_is_escaped_because_django_reads_latin_1() {
    let set_cookie = written(&manager(django(), NOW), r#"{"a":"é🦀"}"#).await;
    // {"a":"\u00e9\ud83e\udd80"}
    assert!(token(&set_cookie).starts_with("eyJhIjoiXHUwMGU5XHVkODNlXHVkZDgwIn0:1r31eq:"), "{set_cookie}");
    let (found, _) = visit(&manager(django(), NOW), &format!("sessionid={}", token(&set_cookie))).await;
    assert_eq!(found.unwrap().get::<String>("a").unwrap().as_deref(), Some("é🦀"));
}

#[tokio::test]
async fn a_cookie_with_text_that_is_not_ascii_is_refused() {
    let user = async |token: &str| {
        let (found, _) = visit(&manager(django(), NOW), &format!("sessionid={token}")).await;
        found.map(|session| session.get::<String>("user").unwrap())
    };
    // Both are signed by Django: {"user":"J\u00fcrgen"}, and the same with ü in UTF-8, which Django reads as Latin-1.
    let escaped = user("eyJ1c2VyIjoiSlx1MDBmY3JnZW4ifQ:1r31eq:JbxI8xXSaOFBn2-810OYU_zG8wmxSlELIj-Bn94RgQA").await;
    assert_eq!(escaped.unwrap().as_deref(), Some("Jürgen"));
    let utf8 = user("eyJ1c2VyIjoiSsO8cmdlbiJ9:1r31eq:tGzkJIUw6ECstX4HxcpTpSGJb1XTT1bRS31eLdp_Oug").await;
    assert_eq!(utf8, None);
}

#[tokio::test]
async fn the_expiry_of_a_session_is_its_lifetime() {
    let manager = manager(django(), NOW);
    let begun = written(&manager, r#"{"user":"ann"}"#).await;
    assert!(begun.contains("Max-Age=1209600"), "{begun}");
    for (lifetime, attribute, payload) in [
        (Lifetime::For(Duration::from_secs(3600)), Some("Max-Age=3600"), r#"{"user":"ann","_session_expiry":3600}"#),
        (Lifetime::Browser, None, r#"{"user":"ann","_session_expiry":0}"#),
    ] {
        let handle = manager.open([format!("sessionid={}", token(&begun)).as_bytes()]);
        let session = handle.load().await.unwrap();
        session.set_lifetime(lifetime).unwrap();
        drop(session);
        let set_cookie = handle.commit(200).await.set_cookie.unwrap().as_str().to_owned();
        assert_eq!(set_cookie.split("; ").find(|part| part.starts_with("Max-Age")), attribute);
        let expected = crate::cookies::packed(payload);
        assert_eq!(token(&set_cookie).split(':').next(), Some(&*expected), "{payload}");
        let (found, again) = visit(&manager, &format!("sessionid={}", token(&set_cookie))).await;
        assert_eq!((found.unwrap().into_json().as_str(), again), (r#"{"user":"ann"}"#, None));
    }
}
