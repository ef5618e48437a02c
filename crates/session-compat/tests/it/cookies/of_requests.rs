//! The cookies of requests, beside those that Django and Flask have sent.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};
use session_compat::{DjangoCache, DjangoCookie, Flask};
use session_core::{Lifetime, MemoryBackend, Refresh, SameSite, SessionConfig, SessionManager};
use session_testkit::TestClock;

use crate::support::vectors;

#[derive(Deserialize)]
struct Vector {
    id: String,
    format: String,
    #[serde(default)]
    tags: Vec<String>,
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
    #[serde(default = "Step::default_status")]
    status: u16,
    set_cookie: Vec<String>,
    vary: Option<String>,
}

impl Step {
    fn default_status() -> u16 {
        200
    }
}

impl Vector {
    fn is_flask(&self) -> bool {
        self.format == "flask_set_cookie"
    }

    fn manager(&self, clock: &TestClock) -> SessionManager {
        let text = |key: &str| self.config.get(key).and_then(Value::as_str);
        let is_on = |key: &str| self.config.get(key).and_then(Value::as_bool);
        let default_name = if self.is_flask() { Flask::COOKIE_NAME } else { DjangoCookie::COOKIE_NAME };
        let name = text("SESSION_COOKIE_NAME").unwrap_or(default_name);
        let builder = SessionConfig::builder(self.secret.as_str(), name).danger_allow_weak_secret(true);
        let mut builder = match &*self.engine {
            _ if self.is_flask() => builder.format(Flask::new()),
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
        // Flask's `SESSION_REFRESH_EACH_REQUEST` is on by default, and counts for permanent sessions.
        let always =
            is_on("SESSION_SAVE_EVERY_REQUEST") == Some(true) || self.tags.iter().any(|tag| tag == "permanent");
        builder = builder.refresh(if always { Refresh::Always } else { Refresh::Never });
        if let Some(is_on) = is_on("SESSION_EXPIRE_AT_BROWSER_CLOSE") {
            builder = builder.browser_session(is_on);
        }
        let builder = builder
            .https_only(is_on("SESSION_COOKIE_SECURE") == Some(true))
            .danger_allow_script_access(is_on("SESSION_COOKIE_HTTPONLY") == Some(false));
        SessionManager::new(builder.clock(clock.clone()).build().expect("the configuration is good"))
    }
}

/// Makes the request of a step. Returns its cookie, and whether the response varies with it.
async fn visit(manager: &SessionManager, cookie: &str, step: &Step) -> (Option<String>, bool) {
    let handle = manager.open([cookie.as_bytes()]);
    let path = step.path.trim_start_matches('/');
    let session = match path {
        "nothing" | "none" => None,
        _ => Some(handle.load().await.expect("no cookie is an error")),
    };
    if let Some(session) = session {
        match path {
            "update" | "fail" => {
                let update = step.body.as_object().cloned().unwrap_or_default();
                update.iter().for_each(|(key, value)| session.insert(key, value).expect("it is JSON"));
                if path == "fail" {
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
            "permanent" => {
                session.set_lifetime(Lifetime::For(Duration::from_secs(31 * 24 * 3600))).expect("it is allowed");
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

/// Returns the attributes of a cookie of Flask with those that only Rust sets.
fn of_flask(set_cookie: &str) -> BTreeSet<String> {
    let mut attributes = attributes(set_cookie);
    if !attributes.iter().any(|attribute| attribute.starts_with("samesite=")) {
        attributes.insert("samesite=lax".to_owned());
    }
    if set_cookie.contains("Expires=") && !is_removal(set_cookie) {
        attributes.insert("max-age=2678400".to_owned());
    }
    attributes
}

#[tokio::test]
async fn a_response_has_the_cookie_that_django_sends() {
    assert_cookies("django-db.json", "django_set_cookie", 8).await;
}

#[tokio::test]
async fn a_response_has_the_cookie_that_flask_sends() {
    assert_cookies("flask.json", "flask_set_cookie", 4).await;
}

async fn assert_cookies(file: &str, format: &str, count: usize) {
    let vectors: Vec<Value> = vectors(file);
    let vectors = vectors.into_iter().filter(|vector| vector["format"] == format);
    let vectors: Vec<Vector> = vectors.map(|vector| serde_json::from_value(vector).expect("it has steps")).collect();
    assert_eq!(vectors.len(), count);
    for vector in &vectors {
        let (id, clock) = (&vector.id, TestClock::at(vector.steps[0].now));
        let (manager, mut cookie) = (vector.manager(&clock), String::new());
        for step in &vector.steps {
            clock.set(step.now);
            let (sent, used) = visit(&manager, &cookie, step).await;
            let at = format!("{id} {}", step.path);
            let expected = step.set_cookie.first();
            match (step.path.trim_start_matches('/'), &sent, expected) {
                // An emptied session has no cookie here. Django keeps the empty session.
                ("clear", Some(sent), Some(_)) => assert!(is_removal(sent), "{at}: {sent}"),
                // A request that does not ask for its session costs nothing here.
                ("nothing" | "none", None, Some(_)) => {}
                // The first one has removed the cookie.
                ("clear", None, Some(_)) if vector.is_flask() && cookie.ends_with('=') => {}
                (_, Some(sent), Some(expected)) if is_removal(expected) => {
                    // Django leaves out attributes that a removal does not need.
                    assert!(attributes(sent).is_superset(&attributes(expected)), "{at}: {sent} {expected}");
                }
                (path, Some(sent), Some(expected)) => {
                    let wanted = if vector.is_flask() { of_flask(expected) } else { attributes(expected) };
                    assert_eq!(attributes(sent), wanted, "{at}");
                    let value = |cookie: &str| super::token(cookie).to_owned();
                    if vector.is_flask() || vector.engine == "signed_cookies" && path == "update" {
                        assert_eq!(value(sent), value(expected), "{at}");
                    }
                }
                (_, sent, expected) => assert_eq!((sent, expected), (&None, None), "{at}"),
            }
            if !matches!(&*step.path, "nothing" | "/none") {
                assert_eq!(used.then_some("Cookie"), step.vary.as_deref(), "{at}");
            }
            if let Some(sent) = sent {
                cookie = sent.split(';').next().expect("it has a name").to_owned();
            }
        }
    }
}
