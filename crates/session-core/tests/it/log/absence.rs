//! The reasons why a request has no session: each is told from the others, logged once and counted.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use session_core::signer::{Digest, Key, Signer, TimestampSigner};
use session_core::starlette::BackendType;
use session_core::{Absence, OnDuplicate, SessionConfigBuilder};

use super::capture;
use crate::support::{App, Fault, NOW, Operation, SECRET, TestClock, defaults};

const DATA: &str = r#"{"user":"ann"}"#;

/// A token of this payload, made with the library's default salt or another one.
fn token(payload: &str, salt: Option<&str>, issued: u64) -> String {
    let signer = match salt {
        Some(salt) => Signer::with_salt(Key::new(SECRET).digest(Digest::Sha256), salt),
        None => Signer::new(SECRET),
    };
    let token = TimestampSigner::from(signer).sign(STANDARD.encode(payload), issued);
    String::from_utf8(token).expect("a token is ASCII")
}

fn id_token() -> String {
    token(r#"{"_cssid": "697a5ae2-203d-4c23-8e51-cb1b5c8a89a6"}"#, None, NOW)
}

/// Asserts the cause that a request with this `Cookie` header has, and the line that the log has for it.
async fn assert_absent(app: &App, header: &str, expected: Absence) {
    for count in 1..=2 {
        let log = capture();
        let headers = if header.is_empty() { vec![] } else { vec![header.as_bytes()] };
        let session = app.manager.open(headers).load().await.expect("the store answers");
        assert_eq!(session.absence(), Some(expected), "{header}");
        let line = format!(
            "DEBUG the request has no session cookie={:?} cause={:?} count={count}",
            app.manager.cookie_name(),
            expected.name()
        );
        assert_eq!(log.take(), [line], "{header}");
    }
}

/// Each case on a service of its own, whose counts begin at 1.
async fn assert_each(new_app: impl Fn() -> App, cases: &[(String, Absence)]) {
    for (value, expected) in cases {
        let app = new_app();
        let header = format!("{}={value}", app.manager.cookie_name());
        assert_absent(&app, &header, *expected).await;
    }
}

#[tokio::test]
async fn requests_without_a_cookie_of_the_name_are_told_apart() {
    for new_app in [|| App::in_cookie(defaults), || App::server(defaults).0] {
        assert_absent(&new_app(), "", Absence::NoCookie).await;
        assert_absent(&new_app(), "other=1; ID=2", Absence::OtherName).await;
        assert_absent(&new_app(), &format!("id={}", "x".repeat(4097)), Absence::OtherName).await;
    }
}

#[tokio::test]
async fn cookies_that_do_not_verify_are_told_apart() {
    let common = |good: String| {
        let (start, last) = good.split_at(good.len() - 1);
        let tampered = format!("{start}{}", if last == "A" { "B" } else { "A" });
        let foreign = TimestampSigner::new("the secret of another service, of 32 bytes").sign("e30=", NOW);
        vec![
            ("s:of.express".to_owned(), Absence::Malformed),
            (tampered, Absence::BadSignature),
            (String::from_utf8(foreign).unwrap(), Absence::BadSignature),
            (token(DATA, Some("id.cookie"), NOW), Absence::OtherSalt),
            (token(DATA, Some("id.server"), NOW), Absence::OtherSalt),
            (token("no JSON", None, NOW), Absence::Malformed),
        ]
    };
    let issued = |seconds| token(DATA, None, seconds);
    let mut in_cookie = common(issued(NOW));
    in_cookie.push((issued(NOW - 15 * 24 * 3600), Absence::Expired));
    in_cookie.push((issued(NOW + 11), Absence::FromTheFuture));
    in_cookie.push((id_token(), Absence::OtherMode));
    assert_each(|| App::in_cookie(defaults), &in_cookie).await;
    let mut on_server = common(id_token());
    on_server.push((issued(NOW), Absence::OtherMode));
    on_server.push((id_token(), Absence::UnknownId));
    assert_each(|| App::server(defaults).0, &on_server).await;
}

#[tokio::test]
async fn a_hardened_configuration_tells_tokens_of_other_modes_and_of_starlette_apart() {
    let hardened = |mode: BackendType| {
        move || {
            let clock = TestClock::at(NOW);
            App::new(clock.clone(), |_| SessionConfigBuilder::hardened(SECRET, "id").backend_type(mode).clock(clock))
        }
    };
    let cases = |own: &str, other: &str| {
        [
            (token(DATA, Some(other), NOW), Absence::OtherMode),
            (token(DATA, None, NOW), Absence::OtherSalt),
            (token("no JSON", Some(own), NOW), Absence::Malformed),
        ]
    };
    assert_each(hardened(BackendType::Cookie), &cases("id.cookie", "id.server")).await;
    assert_each(hardened(BackendType::Memory), &cases("id.server", "id.cookie")).await;
}

#[tokio::test]
async fn cookies_that_contradict_each_other_are_told_apart() {
    let reject = |config: SessionConfigBuilder| config.on_duplicate(OnDuplicate::Reject);
    let header = format!("id={}; id={}", token(DATA, None, NOW), token("{}", None, NOW));
    assert_absent(&App::in_cookie(reject), &header, Absence::Contradictory).await;
}

#[tokio::test]
async fn a_session_whose_own_lifetime_is_over_has_expired() {
    let absolute = |config: SessionConfigBuilder| config.absolute_lifetime(Duration::from_secs(60));
    // The store forgets the session a second after its end.
    for (app, expected) in [(App::in_cookie(absolute), Absence::Expired), (App::server(absolute).0, Absence::UnknownId)]
    {
        let browser = app.browser_with(DATA).await;
        app.advance(62);
        assert_eq!(app.open(&browser).await.absence(), Some(expected));
    }
}

#[tokio::test]
async fn a_stored_session_that_can_not_be_read_is_told_apart() {
    let (app, probe) = App::server(defaults);
    let browser = app.browser_with(DATA).await;
    probe.fail(Operation::Fetch, Fault::Corrupt);
    assert_eq!(app.open(&browser).await.absence(), Some(Absence::Unreadable));
}

#[tokio::test]
async fn a_write_learns_that_the_unknown_session_was_destroyed_or_renewed() {
    type End = fn(&session_core::Session);
    let ends: [(End, Absence); 2] = [
        (session_core::Session::destroy, Absence::Destroyed),
        (|session| session.renew().expect("the head is open"), Absence::Renewed),
    ];
    for (end, expected) in ends {
        let (app, _probe) = App::server(defaults);
        let browser = app.browser_with(DATA).await;
        app.visit(&mut browser.clone(), end).await;
        let request = app.open(&browser).await;
        assert_eq!(request.absence(), Some(Absence::UnknownId));
        let log = capture();
        request.insert("user", "bob").unwrap();
        let _ = request.respond(200).await;
        assert_eq!(request.absence(), Some(expected));
        assert!(log.take()[0].contains(&format!("cause={:?}", expected.name())));
    }
}

#[tokio::test]
async fn a_request_with_a_session_has_no_absence() {
    for app in [App::in_cookie(defaults), App::server(defaults).0] {
        let browser = app.browser_with(DATA).await;
        let session = app.open(&browser).await;
        assert_eq!(session.absence(), None);
        session.destroy();
        assert_eq!(session.absence(), None);
    }
}

/// Returns the last line that names a cause, for a request with this `Cookie` header that writes.
async fn cause_line(app: &App, header: &str) -> String {
    let log = capture();
    let headers = if header.is_empty() { vec![] } else { vec![header.as_bytes()] };
    let handle = app.manager.open(headers);
    if let Ok(session) = handle.load().await {
        session.insert("cart", 1).expect("a new session takes data");
        let _ = handle.commit(200).await;
    }
    let names_cause = |line: &String| line.contains("has no session") || line.contains("can't be loaded");
    log.take().into_iter().rfind(names_cause).expect("a line")
}

#[tokio::test]
async fn nine_causes_of_an_empty_session_have_lines_of_their_own() {
    let reject = |config: SessionConfigBuilder| config.on_duplicate(OnDuplicate::Reject);
    let (app, probe) = App::server(reject);
    let [destroyed, down] = [app.browser_with(DATA).await, app.browser_with(DATA).await];
    app.visit(&mut destroyed.clone(), session_core::Session::destroy).await;
    let old = token(r#"{"_cssid": "697a5ae2-203d-4c23-8e51-cb1b5c8a89a6"}"#, None, NOW - 15 * 24 * 3600);
    let foreign = TimestampSigner::new("the secret of another service, of 32 bytes").sign("e30=", NOW);
    let foreign = String::from_utf8(foreign).unwrap();
    let mut lines = vec![
        cause_line(&app, "").await,
        cause_line(&app, &format!("session={}", id_token())).await,
        cause_line(&app, "id=cut.off").await,
        cause_line(&app, &format!("id={foreign}")).await,
        cause_line(&app, &format!("id={old}")).await,
        cause_line(&app, &format!("id={}", id_token())).await,
        cause_line(&app, &format!("{}; {}", destroyed.header(), down.header())).await,
        cause_line(&app, &destroyed.header()).await,
    ];
    probe.fail(Operation::All, Fault::Down);
    lines.push(cause_line(&app, &down.header()).await);
    let causes = [
        r#"cause="no cookie""#,
        r#"cause="no cookie of this name""#,
        r#"cause="malformed token""#,
        r#"cause="bad signature""#,
        r#"cause="expired""#,
        r#"cause="unknown id""#,
        r#"cause="contradictory cookies""#,
        r#"cause="destroyed""#,
        "session can't be loaded",
    ];
    for (line, cause) in lines.iter().zip(causes) {
        assert!(line.contains(cause), "{cause}: {line}");
    }
    assert_eq!(lines.len(), causes.len());
}
