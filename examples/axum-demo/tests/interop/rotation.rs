//! Other secrets, digests and derivations: a change of keys that logs no user out.

use serde_json::{Value, json};
use session_tower::SessionConfig;
use session_tower::session_core::signer::{Digest, Key, KeyDerivation};

use crate::support::{Browser, COOKIE, MAX_AGE, NOW, Oracle, RustServer, SECRET, TestClock, config, get};

const OLD: &str = "the secret that both sides had before that";
const SESSION: &str = r#"{"user": "ann"}"#;

#[tokio::test]
async fn a_session_under_the_old_secret_moves_to_the_new_one_when_rust_reads_it() {
    let rust = RustServer::start(config(&TestClock::at(NOW)).verify_key(OLD).build().unwrap()).await;
    let oracle = Oracle::shared();
    let reply = get(&rust, "/view_session", oracle.dump_session(&signer(json!(OLD)), SESSION)).await;
    assert_eq!(reply.session(), json!({"user": "ann"}));
    let moved = reply.cookie();
    assert_eq!(oracle.load_session(&signer(json!(SECRET)), &moved).unwrap(), SESSION);
    assert_eq!(oracle.load_session(&signer(json!(OLD)), &moved).unwrap_err().exception, "BadTimeSignature");

    // A cookie of the new key is not replaced.
    let reply = get(&rust, "/view_session", oracle.dump_session(&signer(json!(SECRET)), SESSION)).await;
    assert_eq!((reply.session(), reply.set_cookie()), (json!({"user": "ann"}), None));
}

#[tokio::test]
async fn python_with_both_secrets_reads_rust_before_and_after_the_change() {
    let both = signer(json!([OLD, SECRET]));
    for secret in [OLD, SECRET] {
        let config = SessionConfig::builder(secret, COOKIE).clock(TestClock::at(NOW)).build().unwrap();
        let rust = RustServer::start(config).await;
        let cookie = Browser::new().post(&rust, "/login", SESSION).await.cookie();
        assert_eq!(Oracle::shared().load_session(&both, &cookie).unwrap(), SESSION);
    }
}

#[tokio::test]
async fn every_digest_and_derivation_makes_cookies_that_the_other_side_reads() {
    for (digest, digest_name) in
        [(Digest::Sha1, "sha1"), (Digest::Sha256, "sha256"), (Digest::Sha384, "sha384"), (Digest::Sha512, "sha512")]
    {
        for (derivation, derivation_name) in [
            (KeyDerivation::DjangoConcat, "django-concat"),
            (KeyDerivation::Concat, "concat"),
            (KeyDerivation::Hmac, "hmac"),
            (KeyDerivation::None, "none"),
        ] {
            let key = Key::new(SECRET).digest(digest).derivation(derivation);
            let config = SessionConfig::builder(key, COOKIE).salt("a salt").clock(TestClock::at(NOW));
            let rust = RustServer::start(config.build().unwrap()).await;
            let mut python = signer(json!(SECRET));
            python["salt"] = json!("a salt");
            python["digest"] = json!(digest_name);
            python["key_derivation"] = json!(derivation_name);

            let cookie = Browser::new().post(&rust, "/login", SESSION).await.cookie();
            assert_eq!(Oracle::shared().load_session(&python, &cookie).unwrap(), SESSION, "{python}");
            let cookie = Oracle::shared().dump_session(&python, SESSION);
            assert_eq!(get(&rust, "/view_session", &cookie).await.session(), json!({"user": "ann"}), "{python}");
        }
    }
}

fn signer(secret: Value) -> Value {
    json!({ "secret": secret, "now": NOW, "max_age": MAX_AGE })
}
