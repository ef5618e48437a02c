//! The cookies of requests, beside those that Django has sent.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};
use session_compat::{DjangoCache, DjangoCookie};
use session_core::{Lifetime, MemoryBackend, Refresh, SameSite, SessionConfig, SessionManager};
use session_testkit::TestClock;

use crate::support::vectors;

#[derive(Deserialize)]
struct Vector {
    id: String,
    format: String,
    #[serde(default)]
    engine: String,
    secret: String,
    #[serde(default)]
    config: Map<String, Value>,
    #[serde(default)]
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    path: String,
    body: Value,
    now: u64,
    status: u16,
    set_cookie: Vec<String>,
    vary: Option<String>,
}

impl Vector {
    fn manager(&self, clock: &TestClock) -> SessionManager {
        let text = |key: &str| self.config.get(key).and_then(Value::as_str);
        let is_on = |key: &str| self.config.get(key).and_then(Value::as_bool);
        let name = text("SESSION_COOKIE_NAME").unwrap_or(DjangoCookie::COOKIE_NAME);
        let builder = SessionConfig::builder(self.secret.as_str(), name).danger_allow_weak_secret(true);
        let mut builder = match &*self.engine {
            "signed_cookies" => builder.format(DjangoCookie),
            _ => builder.format(DjangoCache::new()).backend(MemoryBackend::new()),
        };
        if let Some(path) = text("SESSION_COOKIE_PATH") {
            builder = builder.path(path);
        }
        if let Some(domain) = text("SESSION_COOKIE_DOMAIN") {
            builder = builder.domain(domain);
        }
        if text("SESSION_COOKIE_SAMESITE") == Some("None") {
            builder = builder.same_site(SameSite::None);
        }
        builder = match is_on("SESSION_SAVE_EVERY_REQUEST") {
            Some(true) => builder.refresh(Refresh::Always),
            _ => builder.refresh(Refresh::Never),
        };
        let builder = builder
            .https_only(is_on("SESSION_COOKIE_SECURE") == Some(true))
            .browser_session(is_on("SESSION_EXPIRE_AT_BROWSER_CLOSE") == Some(true))
            .danger_allow_script_access(is_on("SESSION_COOKIE_HTTPONLY") == Some(false));
        SessionManager::new(builder.clock(clock.clone()).build().expect("the configuration is good"))
    }
}

/// Makes the request of a step. Returns its cookie, and whether the response varies with it.
async fn visit(manager: &SessionManager, cookie: &str, step: &Step) -> (Option<String>, bool) {
    let handle = manager.open([cookie.as_bytes()]);
    let session = match &*step.path {
        "nothing" => None,
        _ => Some(handle.load().await.expect("no cookie is an error")),
    };
    if let Some(session) = session {
        match &*step.path {
            "update" | "fail" => {
                let update = step.body.as_object().cloned().unwrap_or_default();
                update.iter().for_each(|(key, value)| session.insert(key, value).expect("it is JSON"));
                if step.path == "fail" {
                    session.insert("failed", true).expect("it is JSON");
                }
            }
            "clear" => session.clear().expect("it is loaded"),
            "flush" => session.destroy(),
            "login" => {
                session.renew().expect("it is loaded");
                session.insert("user", "bob").expect("it is JSON");
            }
            "expiry" => {
                let lifetime = match step.body["value"].as_u64().expect("it is a number") {
                    0 => Lifetime::Browser,
                    seconds => Lifetime::For(Duration::from_secs(seconds)),
                };
                session.set_lifetime(lifetime).expect("it is allowed");
                session.insert("user", "ann").expect("it is JSON");
            }
            "view" => {}
            path => panic!("an unknown step: {path}"),
        }
    }
    let commit = handle.commit(step.status).await;
    assert!(commit.error.is_none(), "{:?}", commit.error);
    (commit.set_cookie.map(|cookie| cookie.as_str().to_owned()), commit.session_used)
}

/// Returns the name of a cookie and its attributes, but for `Expires`, which repeats `Max-Age`.
fn attributes(set_cookie: &str) -> BTreeSet<String> {
    let (pair, rest) = set_cookie.split_once(';').expect("it has attributes");
    let name = pair.split('=').next().expect("it has a name");
    let attributes = rest.split(';').map(|attribute| attribute.trim().to_ascii_lowercase());
    attributes.filter(|attribute| !attribute.starts_with("expires=")).chain([name.to_owned()]).collect()
}

fn is_removal(set_cookie: &str) -> bool {
    set_cookie.to_ascii_lowercase().contains("max-age=0")
}

#[tokio::test]
async fn a_response_has_the_cookie_that_django_sends() {
    let vectors: Vec<Vector> = vectors("django-db.json");
    let vectors: Vec<_> = vectors.iter().filter(|vector| vector.format == "django_set_cookie").collect();
    assert_eq!(vectors.len(), 8);
    for vector in vectors {
        let (id, clock) = (&vector.id, TestClock::at(vector.steps[0].now));
        let (manager, mut cookie) = (vector.manager(&clock), String::new());
        for step in &vector.steps {
            clock.set(step.now);
            let (sent, used) = visit(&manager, &cookie, step).await;
            let at = format!("{id} {}", step.path);
            let expected = step.set_cookie.first();
            match (&*step.path, &sent, expected) {
                // An emptied session has no cookie here. Django keeps the empty session.
                ("clear", Some(sent), Some(_)) => assert!(is_removal(sent), "{at}: {sent}"),
                // A request that does not ask for its session costs nothing here.
                ("nothing", None, Some(_)) => {}
                (_, Some(sent), Some(expected)) if is_removal(expected) => {
                    // Django leaves out attributes that a removal does not need.
                    assert!(attributes(sent).is_superset(&attributes(expected)), "{at}: {sent} {expected}");
                }
                (_, Some(sent), Some(expected)) => {
                    assert_eq!(attributes(sent), attributes(expected), "{at}");
                    let value = |cookie: &str| super::token(cookie).to_owned();
                    if vector.engine == "signed_cookies" && step.path == "update" {
                        assert_eq!(value(sent), value(expected), "{at}");
                    }
                }
                (_, sent, expected) => assert_eq!((sent, expected), (&None, None), "{at}"),
            }
            if step.path != "nothing" {
                assert_eq!(used.then_some("Cookie"), step.vary.as_deref(), "{at}");
            }
            if let Some(sent) = sent {
                cookie = sent.split(';').next().expect("it has a name").to_owned();
            }
        }
    }
}
