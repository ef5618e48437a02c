//! The demo and the real Django on one table: the engine `db` in SQLite, PostgreSQL and MariaDB.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use session_compat::django_auth_hash;
use session_test_support::{MariaDbServer, PostgresServer};

use crate::support::{Browser, Demo, Framework, SECRET, get, post};

macro_rules! on_each_database {
    ($($name:ident,)+) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name(super::Site::sqlite()).await })+
        }
        mod postgres {
            $(#[tokio::test] async fn $name() { super::$name(super::Site::postgres()).await })+
        }
        mod mysql {
            $(#[tokio::test] async fn $name() { super::$name(super::Site::mysql()).await })+
        }
    };
}

on_each_database![
    a_session_goes_to_and_fro,
    a_logout_on_either_side_is_one_on_both,
    the_expiry_that_django_sets_is_kept,
    a_row_that_rust_has_not_changed_stays_as_it_is,
    concurrent_changes_of_both_sides_are_kept,
];

/// A database, and Django, which has made its tables there.
pub(crate) struct Site {
    backend: &'static str,
    pub(crate) url: String,
    pub(crate) django: Framework,
}

impl Site {
    /// All tests share a file.
    pub(crate) fn sqlite() -> &'static Self {
        static SITE: OnceLock<Site> = OnceLock::new();
        SITE.get_or_init(|| {
            let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(concat!(env!("CARGO_PKG_NAME"), "-django.sqlite3"));
            let _ = std::fs::remove_file(&file);
            Self::new("sqlite", format!("sqlite:{}", file.display()))
        })
    }

    fn postgres() -> &'static Self {
        static SITE: OnceLock<(Site, PostgresServer)> = OnceLock::new();
        let start = || {
            let server = PostgresServer::start(&[]);
            (Self::new("postgres", server.url()), server)
        };
        &SITE.get_or_init(start).0
    }

    fn mysql() -> &'static Self {
        static SITE: OnceLock<(Site, MariaDbServer)> = OnceLock::new();
        let start = || {
            let server = MariaDbServer::start(&[]);
            (Self::new("mysql", server.url()), server)
        };
        &SITE.get_or_init(start).0
    }

    fn new(backend: &'static str, url: String) -> Self {
        Self { backend, django: Framework::django(&["--database", &url]), url }
    }

    /// Starts the demo with these values of `SECRET_KEY` and its fallbacks.
    fn demo(&self, secrets: &[&str]) -> Demo {
        Demo::with_secrets(secrets, &["--format", "django-db", "--backend", self.backend, "--sql-url", &self.url])
    }

    /// Returns the row of a session: `session_data`, the JSON text in it, and `expire_date`.
    async fn row(&self, cookie: &str) -> Option<[String; 3]> {
        serde_json::from_value(get(&self.django, "/row", cookie).await.session()).expect("it is a row or null")
    }
}

const DATA: &str = r#"{"user":"eve","n":1.5,"big":123456789012345678901234567890,"text":"é 🦀"}"#;

async fn a_session_goes_to_and_fro(site: &Site) {
    let (django, rust, browser) = (&site.django, site.demo(&[SECRET]), Browser::new());
    browser.post(django, "/update_session", DATA).await;
    assert_eq!(browser.view(&rust).await, serde_json::from_str::<Value>(DATA).expect("it is JSON"));
    browser.post(&rust, "/update_session", r#"{"seen": true}"#).await;
    let seen = browser.get(django, "/view_session").await;
    assert!(seen.session_json().contains("123456789012345678901234567890"), "{}", seen.session_json());
    assert_eq!((&seen.session()["seen"], &seen.session()["text"]), (&json!(true), &json!("é 🦀")));
    // A login in Django and one in Rust: each has a new key.
    for (in_rust, user) in [(false, "ann"), (true, "bob")] {
        let old = browser.cookie(&rust).expect("there is a session");
        let body = json!({ "user": user }).to_string();
        match in_rust {
            true => drop(browser.post(&rust, "/login", &body).await),
            false => drop(browser.post(django, "/login", &body).await),
        }
        for seen in [browser.view(&rust).await, browser.view(django).await] {
            assert_eq!((&seen["user"], &seen["seen"]), (&json!(user), &json!(true)));
        }
        assert_eq!(get(django, "/view_session", &old).await.session(), json!({}));
        assert_eq!(get(&rust, "/view_session", &old).await.session(), json!({}));
    }
    // A session that begins in Rust.
    let born = post(&rust, "/update_session", "", DATA).await.cookie();
    assert_eq!(get(django, "/view_session", &born).await.session()["user"], "eve");
}

async fn a_logout_on_either_side_is_one_on_both(site: &Site) {
    let (django, rust) = (&site.django, site.demo(&[SECRET]));
    for in_rust in [true, false] {
        let browser = Browser::new();
        browser.post(django, "/update_session", DATA).await;
        let cookie = browser.cookie(&rust).expect("there is a session");
        assert_eq!(browser.view(&rust).await["user"], "eve");
        match in_rust {
            true => drop(browser.post(&rust, "/logout", "").await),
            false => drop(browser.post(django, "/logout", "").await),
        }
        assert_eq!(site.row(&cookie).await, None);
        assert_eq!(get(&rust, "/view_session", &cookie).await.session(), json!({}));
        assert_eq!(get(django, "/view_session", &cookie).await.session(), json!({}));
        // The key is not used again.
        let anew = post(&rust, "/update_session", &cookie, r#"{"a": 1}"#).await;
        assert_ne!(anew.cookie(), cookie);
        assert_eq!(site.row(&cookie).await, None);
    }
}

async fn the_expiry_that_django_sets_is_kept(site: &Site) {
    let (django, rust, browser) = (&site.django, site.demo(&[SECRET]), Browser::new());
    browser.post(django, "/update_session", DATA).await;
    let cookie = browser.cookie(&rust).expect("there is a session");
    browser.post(django, "/expire", "3600").await;
    let [_, _, expiry] = site.row(&cookie).await.expect("there is a row");
    browser.post(&rust, "/update_session", r#"{"n": 2}"#).await;
    assert_eq!(browser.view(django).await["_session_expiry"], 3600);
    let [_, _, later] = site.row(&cookie).await.expect("there is a row");
    // 2026-12-10 05:06: the same hour, or one minute later.
    let minutes = |time: &str| time[14..16].parse::<u32>().expect("a minute is a number") + 60;
    assert!(later >= expiry && (minutes(&later) - minutes(&expiry)) % 60 <= 1, "{expiry} {later}");
    // A row whose time has passed is none.
    post(django, "/expire", &cookie, "-1").await;
    assert!(site.row(&cookie).await.is_some());
    assert_eq!(get(&rust, "/view_session", &cookie).await.session(), json!({}));
    assert_eq!(get(django, "/view_session", &cookie).await.session(), json!({}));
}

async fn a_row_that_rust_has_not_changed_stays_as_it_is(site: &Site) {
    let (django, rust, browser) = (&site.django, site.demo(&[SECRET]), Browser::new());
    browser.post(django, "/update_session", DATA).await;
    let cookie = browser.cookie(&rust).expect("there is a session");
    let before = site.row(&cookie).await.expect("there is a row");
    assert_eq!(browser.view(&rust).await["user"], "eve");
    browser.post(&rust, "/update_session", r#"{"user":"eve"}"#).await;
    assert_eq!(site.row(&cookie).await.as_ref(), Some(&before), "it has the same value");
    // The values that a change leaves alone keep their text.
    browser.post(&rust, "/update_session", r#"{"seen":true}"#).await;
    let [_, text, _] = site.row(&cookie).await.expect("there is a row");
    assert_eq!(text, before[1].replace('}', r#","seen":true}"#));
}

async fn concurrent_changes_of_both_sides_are_kept(site: &Site) {
    let (django, rust, browser) = (&site.django, site.demo(&[SECRET]), Browser::new());
    browser.post(django, "/update_session", DATA).await;
    let of_django = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        browser.post(django, "/update_session", r#"{"django": 1}"#).await;
    };
    tokio::join!(browser.post(&rust, "/slow_update?ms=2000", r#"{"rust": 1}"#), of_django);
    for seen in [browser.view(&rust).await, browser.view(django).await] {
        assert_eq!((&seen["rust"], &seen["django"], &seen["user"]), (&json!(1), &json!(1), &json!("eve")), "{seen}");
    }
}

/// The user whom Django knows by this session, and the column `password`.
async fn user(site: &Site, cookie: &str) -> (String, String) {
    let seen = get(&site.django, "/user", cookie).await.session();
    serde_json::from_value(seen).expect("it is a name and a password")
}

#[tokio::test]
async fn a_user_of_django_is_logged_in_on_both_sides() {
    let site = Site::sqlite();
    let (rust, browser) = (site.demo(&[SECRET]), Browser::new());
    browser.post(&site.django, "/sign_in", r#"{"user": "ann"}"#).await;
    let id = browser.view(&rust).await["_auth_user_id"].clone();
    assert!(id.as_str().is_some_and(|id| id.parse::<u32>().is_ok()), "{id}");
    browser.post(&rust, "/update_session", r#"{"cart": [1]}"#).await;
    browser.post(&rust, "/renew", "").await;
    let (name, password) = user(site, &browser.cookie(&rust).expect("there is a session")).await;
    assert_eq!(name, "ann");
    // A login that Rust makes.
    let login = json!({
        "_auth_user_id": id,
        "_auth_user_backend": "django.contrib.auth.backends.ModelBackend",
        "_auth_user_hash": django_auth_hash(SECRET, &password),
    });
    let cookie = post(&rust, "/update_session", "", &login.to_string()).await.cookie();
    assert_eq!(user(site, &cookie).await.0, "ann");
    post(&rust, "/logout", &cookie, "").await;
    assert_eq!(user(site, &cookie).await.0, "");
}

#[tokio::test]
async fn secrets_are_changed_without_a_logout() {
    let new = "a newer secret of at least thirty-two bytes";
    let (site, browser) = (Site::sqlite(), Browser::new());
    browser.post(&site.django, "/update_session", DATA).await;
    let rust = site.demo(&[new, SECRET]);
    assert_eq!(browser.view(&rust).await["user"], "eve");
    browser.post(&rust, "/update_session", r#"{"n": 2}"#).await;
    let django = Framework::start("django", new, &["--database", &site.url]);
    assert_eq!(browser.view(&django).await["n"], 2, "the new secret has signed it");
    assert_eq!(browser.view(&site.django).await, json!({}));
    let of_new = site.demo(&[new]);
    browser.post(&site.django, "/update_session", DATA).await;
    assert_eq!((browser.view(&of_new).await, browser.view(&rust).await["n"].clone()), (json!({}), json!(1.5)));
}
