//! Secrets that change while people stay logged in.

use session_core::adapter::Commit;
use session_core::signer::{Digest, Key, KeyDerivation};
use session_core::{MemoryBackend, Refresh, Session, SessionConfig, SessionManager};

use super::manager;
use crate::support::{NOW, at_once, open, pair, stopped_at};

/// The old key and the new one, which differ in everything.
fn keys() -> [Key; 2] {
    [
        Key::new("the old secret, of at least 32 bytes"),
        Key::new("the new secret, of at least 32 bytes").digest(Digest::Sha256).derivation(KeyDerivation::Hmac),
    ]
}

/// A service with a key that signs, and keys that only verify.
fn service(signing: &Key, verifying: &[&Key], shared: &Shared) -> SessionManager {
    let config = SessionConfig::builder(signing.clone(), "id").clock(stopped_at(NOW)).refresh(shared.refresh);
    let config = verifying.iter().fold(config, |config, key| config.verify_key(Key::clone(key)));
    manager(match &shared.backend {
        Some(backend) => config.backend(backend.clone()),
        None => config,
    })
}

/// The configuration that services of one site share.
struct Shared {
    /// None where sessions live in the cookie.
    backend: Option<MemoryBackend>,
    refresh: Refresh,
}

fn every_kind_of_service() -> impl Iterator<Item = Shared> {
    [Refresh::HalfLife, Refresh::Never].into_iter().flat_map(|refresh| {
        let memory = MemoryBackend::builder().clock(stopped_at(NOW)).build();
        [None, Some(memory)].map(|backend| Shared { backend, refresh })
    })
}

fn visit(manager: &SessionManager, cookie: &str, handler: impl FnOnce(&Session)) -> Commit {
    let (handle, session) = open(manager, [cookie.as_bytes()]);
    handler(&session);
    at_once(handle.commit(200))
}

/// The cookie of a new session.
fn login(manager: &SessionManager) -> String {
    let commit = visit(manager, "", |session| session.insert("user", "ann").expect("a new session takes data"));
    pair(commit.set_cookie.expect("a new session has a cookie").as_str()).to_owned()
}

fn user(manager: &SessionManager, cookie: &str) -> Option<String> {
    let mut user = None;
    let _ = visit(manager, cookie, |session| user = session.get("user").expect("a name"));
    user
}

#[test]
fn a_cookie_by_a_verify_only_key_is_taken_and_replaced_at_once() {
    let [old, new] = keys();
    for shared in every_kind_of_service() {
        let cookie = login(&service(&old, &[], &shared));
        let rotating = service(&new, &[&old], &shared);
        let commit = visit(&rotating, &cookie, |session| assert_eq!(session.to_map().len(), 1));
        let replaced = commit.set_cookie.expect("a token by an old key is replaced");
        // From now on the old key is not needed.
        assert_eq!(user(&service(&new, &[], &shared), pair(replaced.as_str())).as_deref(), Some("ann"));
        assert_eq!(user(&rotating, &cookie).as_deref(), Some("ann"), "other requests may still come with the old one");
        let again = visit(&rotating, pair(replaced.as_str()), |session| assert_eq!(session.to_map().len(), 1));
        assert_eq!(again.set_cookie, None);
    }
}

#[test]
fn a_cookie_by_a_key_that_was_removed_is_rejected_and_left_alone() {
    let [old, new] = keys();
    for shared in every_kind_of_service() {
        let cookie = login(&service(&old, &[], &shared));
        let rotated = service(&new, &[], &shared);
        let commit = visit(&rotated, &cookie, |session| assert!(session.is_new() && session.is_empty()));
        assert_eq!(commit.set_cookie, None);
        assert!(user(&service(&old, &[], &shared), &cookie).is_some());
    }
}

#[test]
fn servers_that_change_keys_one_after_the_other_understand_each_other() {
    let [old, new] = keys();
    for shared in every_kind_of_service() {
        let stages = [
            service(&old, &[], &shared),
            service(&old, &[&new], &shared),
            service(&new, &[&old], &shared),
            service(&new, &[], &shared),
        ];
        for neighbours in stages.windows(2) {
            for (issuer, reader) in [(0, 1), (1, 0)] {
                let cookie = login(&neighbours[issuer]);
                assert_eq!(user(&neighbours[reader], &cookie).as_deref(), Some("ann"));
            }
        }
        assert_eq!(user(&stages[3], &login(&stages[0])), None);
    }
}

#[test]
fn an_untouched_session_keeps_its_old_cookie() {
    let [old, new] = keys();
    for shared in every_kind_of_service() {
        let cookie = login(&service(&old, &[], &shared));
        let rotating = service(&new, &[&old], &shared);
        let handle = rotating.open([cookie.as_bytes()]);
        let commit = at_once(handle.commit(200));
        assert!(commit.set_cookie.is_none() && !commit.session_used);
    }
}

#[test]
fn a_key_verifies_with_its_own_digest_and_derivation_only() {
    let [old, new] = keys();
    let others = [
        new.clone().digest(Digest::Sha1),
        new.clone().derivation(KeyDerivation::DjangoConcat),
        new.clone().derivation(KeyDerivation::None),
    ];
    for shared in every_kind_of_service() {
        let cookie = login(&service(&new, &[], &shared));
        assert!(user(&service(&old, &[&new], &shared), &cookie).is_some());
        for other in &others {
            assert!(user(&service(&old, &[other], &shared), &cookie).is_none(), "{other:?}");
        }
    }
}
