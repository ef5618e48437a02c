//! Cookies and stored values of another framework.

use std::sync::Arc;
use std::time::Duration;

use session_core::format::{Format, FormatKeys, FormatSettings, ReadToken, StoredRecord, TokenContent, TokenFormat};
use session_core::{
    Applied, BackendError, BackendErrorKind, ConfigError, MemoryBackend, OnDuplicate, Refresh, SessionCodec,
    SessionConfig, SessionConfigBuilder, SessionError, SessionId, SessionMap,
};
use session_testkit::Operation;

use crate::support::{App, Browser, SECRET, put, stored};

/// `s:<id>:<secret>` in a store, `c:<JSON>:<secret>` in the cookie; not signed, because no test here forges a cookie.
struct Bare {
    settings: FormatSettings,
    issued_at: Option<u64>,
}

struct BareTokens {
    secrets: Vec<Vec<u8>>,
    issued_at: Option<u64>,
}

impl Format for Bare {
    fn name(&self) -> &'static str {
        "bare"
    }

    fn settings(&self) -> FormatSettings {
        self.settings.clone()
    }

    fn tokens(&self, keys: FormatKeys<'_>) -> Option<Box<dyn TokenFormat>> {
        assert_eq!(keys.signing(), SECRET.as_bytes());
        assert_eq!(keys.cookie_name(), "id");
        assert_eq!(format!("{keys:?}").matches("thirty-two").count(), 0);
        Some(Box::new(BareTokens { secrets: keys.all().map(<[u8]>::to_vec).collect(), issued_at: self.issued_at }))
    }
}

impl TokenFormat for BareTokens {
    fn read(&self, text: &[u8]) -> Option<ReadToken> {
        let signer = self.secrets.iter().position(|secret| text.ends_with(&encoded(secret)))?;
        let text = &text[..text.len() - encoded(&self.secrets[signer]).len() - 1];
        let token = match text.strip_prefix(b"s:") {
            Some(id) => ReadToken::of_id(SessionId::parse(std::str::from_utf8(id).ok()?)?),
            None => ReadToken::of_session(SessionMap::from_slice(text.strip_prefix(b"c:")?).ok()?),
        };
        let token = token.by_older_key(signer > 0);
        Some(self.issued_at.map_or(token.clone(), |at| token.issued_at(at)))
    }

    fn write(&self, content: TokenContent<'_>, _now: u64, out: &mut Vec<u8>) -> Result<(), SessionError> {
        match content {
            TokenContent::Id(id) => out.extend([b"s:", id.as_str().as_bytes()].concat()),
            TokenContent::Session(session) => out.extend([b"c:", session.as_json().as_bytes()].concat()),
        }
        out.push(b':');
        out.extend(encoded(&self.secrets[0]));
        Ok(())
    }
}

fn encoded(secret: &[u8]) -> Vec<u8> {
    secret.iter().map(|&byte| if byte == b' ' { b'_' } else { byte }).collect()
}

fn bare() -> Bare {
    Bare { settings: FormatSettings::in_store("bare:"), issued_at: None }
}

const ID: &str = "0123456789abcdefghijkl";

fn cookie(id: &str) -> Browser {
    Browser::with_cookie(&format!("id=s:{id}:{}", SECRET.replace(' ', "_")))
}

fn shared(configure: impl FnOnce(SessionConfigBuilder) -> SessionConfigBuilder) -> (App, session_testkit::Probe) {
    let (app, probe) = App::server(|config| configure(config.format(bare())));
    put(&app.memory, &format!("bare:{ID}"), r#"{"user":"ann"}"#, Duration::from_secs(60));
    (app, probe)
}

#[tokio::test]
async fn a_session_of_another_framework_is_read_and_changed_under_its_own_key() {
    let (app, _) = shared(|config| config);
    let mut browser = cookie(ID);
    app.visit(&mut browser, |session| {
        assert_eq!(session.get::<String>("user").unwrap().as_deref(), Some("ann"));
        session.insert("seen", true).unwrap();
    })
    .await;
    assert_eq!(stored(&app.memory, &format!("bare:{ID}")).unwrap().as_json(), r#"{"user":"ann","seen":true}"#);
}

#[tokio::test]
async fn a_new_session_gets_a_cookie_of_the_format() {
    let (app, _) = shared(|config| config);
    let mut browser = Browser::default();
    let set = app.visit(&mut browser, |session| session.insert("user", "bob").unwrap()).await.unwrap();
    let id = set.strip_prefix("id=s:").unwrap().split(':').next().unwrap();
    assert!(stored(&app.memory, &format!("bare:{id}")).is_some());
    assert_eq!(app.data(&browser).await, r#"{"user":"bob"}"#);
}

#[tokio::test]
async fn a_use_of_an_undated_token_extends_the_session_and_keeps_the_cookie() {
    let (app, probe) = shared(|config| config);
    let mut browser = cookie(ID);
    assert_eq!(app.visit(&mut browser, |_| {}).await, None);
    assert_eq!(probe.calls(), [Operation::Fetch, Operation::Touch]);
    // The session had a minute left, and the configuration says 14 days.
    app.advance(13 * 24 * 3600);
    assert_eq!(app.data(&browser).await, r#"{"user":"ann"}"#);
    assert!(app.visit(&mut browser, |session| session.insert("n", 1).unwrap()).await.is_some());
}

#[tokio::test]
async fn refresh_says_what_a_use_of_an_undated_token_does() {
    let (app, probe) = shared(|config| config.refresh(Refresh::Never));
    assert_eq!(app.visit(&mut cookie(ID), |_| {}).await, None);
    assert_eq!(probe.calls(), [Operation::Fetch]);
    let (app, probe) = shared(|config| config.refresh(Refresh::Always));
    assert!(app.visit(&mut cookie(ID), |_| {}).await.is_some());
    assert_eq!(probe.calls(), [Operation::Fetch, Operation::Touch]);
}

#[tokio::test]
async fn a_token_by_an_older_key_is_replaced() {
    let old = "an older secret of thirty-two bytes";
    let (app, _) = shared(|config| config.verify_key(old));
    let mut browser = Browser::with_cookie(&format!("id=s:{ID}:{}", old.replace(' ', "_")));
    assert!(app.visit(&mut browser, |_| {}).await.unwrap().contains(&SECRET.replace(' ', "_")));
}

#[tokio::test]
async fn a_dated_token_expires() {
    let (now, age) = (crate::support::NOW, 14 * 24 * 3600);
    for (issued_at, found) in
        [(now, true), (now - age, true), (now - age - 1, false), (now + 10, true), (now + 11, false)]
    {
        let (app, _) = App::server(|config| config.format(Bare { issued_at: Some(issued_at), ..bare() }));
        put(&app.memory, &format!("bare:{ID}"), r#"{"a":1}"#, Duration::from_secs(60));
        assert_eq!(app.data(&cookie(ID)).await == r#"{"a":1}"#, found, "{issued_at}");
    }
}

#[tokio::test]
async fn a_format_sets_how_far_a_token_may_be_ahead() {
    let ahead = crate::support::NOW + 1_000_000;
    for (skew, found) in [(Duration::MAX, true), (Duration::ZERO, false)] {
        let settings = bare().settings.clock_skew(skew);
        let (app, _) = App::server(|config| config.format(Bare { issued_at: Some(ahead), settings }));
        put(&app.memory, &format!("bare:{ID}"), r#"{"a":1}"#, Duration::from_secs(60));
        assert_eq!(app.data(&cookie(ID)).await == r#"{"a":1}"#, found, "{skew:?}");
    }
}

#[tokio::test]
async fn of_two_cookies_the_first_counts_where_the_framework_says_so() {
    let (app, _) = shared(|config| config.on_duplicate(OnDuplicate::First));
    let (good, other) = (cookie(ID).header(), cookie("abcdefghijklmnopqrstuv").header());
    for (cookies, expected) in [
        (format!("{good}; {other}"), r#"{"user":"ann"}"#),
        (format!("{other}; {good}"), "{}"),
        (format!("id=junk; {good}"), "{}"),
    ] {
        assert_eq!(app.data(&Browser::with_cookie(&cookies)).await, expected, "{cookies}");
    }
}

#[tokio::test]
async fn a_session_may_live_in_a_cookie_of_the_format() {
    let settings = FormatSettings::in_cookie().browser_session(true);
    let app = App::in_cookie(|config| config.format(Bare { settings, ..bare() }));
    let mut browser = Browser::default();
    let set = app.visit(&mut browser, |session| session.insert("a", 1).unwrap()).await.unwrap();
    assert!(set.starts_with(r#"id=c:{"a":1}:"#) && !set.contains("Max-Age"), "{set}");
    assert_eq!(app.visit(&mut browser, |session| assert_eq!(session.to_map().into_json(), r#"{"a":1}"#)).await, None);
    // The token of a stored session is not accepted here.
    assert_eq!(app.data(&cookie(ID)).await, "{}");
}

#[tokio::test]
async fn a_token_that_no_header_can_carry_is_an_error() {
    let app = App::in_cookie(|config| config.format(Bare { settings: FormatSettings::in_cookie(), ..bare() }));
    for text in ["a b", "é", "a;b"] {
        let request = app.open(&Browser::default()).await;
        request.insert("text", text).unwrap();
        let commit = request.respond(200).await;
        assert_eq!((commit.error.map(|error| error.status()), commit.set_cookie), (Some(500), None));
    }
}

#[tokio::test]
async fn the_data_of_the_framework_is_hidden_and_follows_the_session() {
    let (app, _) = shared(|config| config);
    let key = format!("bare:{ID}");
    let mut record = StoredRecord::default();
    record.set_foreign(r#"{"path": "/"}"#).unwrap();
    let mut map = SessionMap::from_json(r#"{"user":"ann"}"#).unwrap();
    record.attach(&mut map).unwrap();
    put(&app.memory, &key, &map.as_json(), Duration::from_secs(60));

    let foreign = |id: &str| {
        let mut map = stored(&app.memory, &format!("bare:{id}")).unwrap();
        StoredRecord::detach(&mut map).foreign().map(str::to_owned)
    };
    let mut browser = cookie(ID);
    app.visit(&mut browser, |session| {
        assert_eq!(session.to_map().into_json(), r#"{"user":"ann"}"#);
        assert!(session.insert("__session", 1).is_err());
        session.clear().unwrap();
        session.insert("n", 1).unwrap();
    })
    .await;
    assert_eq!(foreign(ID).as_deref(), Some(r#"{"path": "/"}"#));
    let set = app.visit(&mut browser, |session| session.renew().unwrap()).await.unwrap();
    let id = set.strip_prefix("id=s:").unwrap().split(':').next().unwrap();
    assert_eq!(foreign(id).as_deref(), Some(r#"{"path": "/"}"#));
}

#[tokio::test]
async fn settings_of_the_application_come_first_before_and_after_the_format() {
    let settings = || bare().settings.max_age(Duration::from_secs(60)).on_duplicate(OnDuplicate::First);
    let format = || Bare { settings: settings(), ..bare() };
    let own = |config: SessionConfigBuilder| config.max_age(Duration::from_secs(90)).key_prefix("own:");
    for is_before in [true, false] {
        let (app, _) = App::server(|config| match is_before {
            true => own(config).format(format()),
            false => own(config.format(format())),
        });
        let set = app.visit(&mut Browser::default(), |session| session.insert("n", 1).unwrap()).await.unwrap();
        assert!(set.contains("Max-Age=90"), "{set}");
        let id = set.strip_prefix("id=s:").unwrap().split(':').next().unwrap();
        assert!(stored(&app.memory, &format!("own:{id}")).is_some());
        // This cookie was not issued here: the session was stored by another program.
        put(&app.memory, &format!("own:{ID}"), r#"{"user":"ann"}"#, Duration::from_secs(60));
        let cookies = format!("{}; id=junk", cookie(ID).header());
        assert_eq!(app.data(&Browser::with_cookie(&cookies)).await, r#"{"user":"ann"}"#);
    }
}

/// A codec that refuses every session.
struct Refuses;

impl SessionCodec for Refuses {
    fn encode(&self, _: &SessionMap) -> Result<Vec<u8>, BackendError> {
        Err(BackendError::new(BackendErrorKind::Other, Applied::No))
    }

    fn decode(&self, _: &[u8]) -> Result<SessionMap, BackendError> {
        Err(BackendError::new(BackendErrorKind::Corrupt, Applied::No))
    }
}

struct Encoded(Bare);

impl Format for Encoded {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn settings(&self) -> FormatSettings {
        self.0.settings()
    }

    fn codec(&self) -> Option<Arc<dyn SessionCodec>> {
        Some(Arc::new(Refuses))
    }
}

#[tokio::test]
async fn a_backend_with_a_form_of_its_own_goes_on_with_it() {
    let (app, _) = App::server(|config| config.format(Encoded(bare())));
    let mut browser = Browser::default();
    app.visit(&mut browser, |session| session.insert("n", 1).unwrap()).await.unwrap();
    assert_eq!(app.data(&browser).await, r#"{"n":1}"#);
}

#[test]
fn a_format_needs_its_place() {
    let builder = || SessionConfig::builder(SECRET, "id");
    let refused = |place| Some(ConfigError::FormatPlace { format: "bare", place });
    assert_eq!(builder().format(bare()).build().err(), refused("a store"));
    let in_cookie = Bare { settings: FormatSettings::in_cookie(), ..bare() };
    assert_eq!(builder().format(in_cookie).backend(MemoryBackend::new()).build().err(), refused("the cookie"));
}

#[test]
fn ids_of_other_frameworks_are_printable() {
    for text in ["a.b.gcvxflgf", r#"a b;,"%bpqvz"#, &"~".repeat(64)] {
        assert_eq!(SessionId::parse_foreign(text.as_bytes()).unwrap().as_str(), text);
    }
    for text in ["", "1234567", "12345678\n", "é1234567", &"a".repeat(65)] {
        assert!(SessionId::parse_foreign(text.as_bytes()).is_none(), "{text}");
    }
}
