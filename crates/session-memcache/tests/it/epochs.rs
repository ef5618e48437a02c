//! The revocation of all sessions of a user, by epochs.

use std::time::Duration;

use session_core::{ConfigError, Session, SessionConfig, SessionError, UserEpochs};
use session_memcache::MemcacheBackend;
use sha2::{Digest, Sha256};

use crate::support::{App, Browser, Fake, LONG, SECRET, Server, patient, races};

const USER: &str = "ann";

fn with_epochs(servers: &[&Server]) -> MemcacheBackend {
    patient(servers).user_epochs(true).build().expect("the addresses are good")
}

fn sign_in(session: &Session) {
    session.sign_in(USER).expect("the response has not begun");
}

async fn signed_in(app: &App) -> Browser {
    let mut browser = Browser::default();
    app.visit(&mut browser, sign_in).await;
    browser
}

async fn is_signed_in(app: &App, browser: &Browser) -> bool {
    app.open(browser).await.is_signed_in()
}

/// Returns the key of the user's epoch.
fn epoch_key() -> String {
    let hash = Sha256::digest(format!("session:user:{USER}"));
    hash.iter().fold("user-epoch:".to_owned(), |key, byte| format!("{key}{byte:02x}"))
}

#[tokio::test]
async fn an_evicted_epoch_ends_the_sessions_of_its_user() {
    let server = Server::start();
    let app = App::new(with_epochs(&[&server]));
    let [phone, laptop] = [signed_in(&app).await, signed_in(&app).await];
    let mut other = Browser::default();
    app.visit(&mut other, |session| session.sign_in("bob").unwrap()).await;
    assert!(server.ask(&format!("delete {}", epoch_key())).starts_with("DELETED"));
    for browser in [&phone, &laptop] {
        assert!(!is_signed_in(&app, browser).await);
    }
    assert!(is_signed_in(&app, &other).await);
    let again = signed_in(&app).await;
    assert!(is_signed_in(&app, &again).await && !is_signed_in(&app, &phone).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_requests_in_flight_none_leaves_a_session_behind_a_revocation() {
    let servers = [Server::start(), Server::start()];
    let connect = || App::new(with_epochs(&servers.each_ref())).manager().clone();
    races::changes_during_a_revocation([connect(), connect()]).await;
}

#[tokio::test]
async fn a_node_that_is_down_fails_the_requests_of_its_epochs_and_no_others() {
    let mut servers = [Server::start(), Server::start(), Server::start()];
    let app = App::new(with_epochs(&servers.each_ref()));
    let keeper = {
        signed_in(&app).await;
        let key = format!("mg {} v", epoch_key());
        servers.iter().position(|server| server.ask(&key).starts_with("VA")).expect("the user has an epoch")
    };
    // Sessions whose own nodes stay up.
    let holds = |server: &Server, id: &str| server.ask(&format!("mg session:{id} v")).starts_with("VA");
    let (mut of_user, mut of_visitor) = (Browser::default(), Browser::default());
    loop {
        app.visit(&mut of_user, sign_in).await;
        if !holds(&servers[keeper], app.open(&of_user).await.id().unwrap().as_str()) {
            break;
        }
    }
    loop {
        app.visit(&mut of_visitor, |session| {
            session.insert("n", 1).unwrap();
            session.renew().unwrap();
        })
        .await;
        if !holds(&servers[keeper], app.open(&of_visitor).await.id().unwrap().as_str()) {
            break;
        }
    }
    servers[keeper].kill();
    for _ in 0..5 {
        let refused = app.handle(&of_user).load().await.map(drop).unwrap_err();
        assert!(matches!(refused, SessionError::Store(_)), "{refused:?}");
        assert!(matches!(app.manager().revoke_all(USER).await, Err(SessionError::Store(_))));
        assert_eq!(app.data(&of_visitor).await, r#"{"n":1}"#);
    }
    servers[keeper].start_again();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!is_signed_in(&app, &of_user).await, "the restart has lost the epoch");
    app.visit(&mut of_user, sign_in).await;
    assert!(is_signed_in(&app, &of_user).await);
}

#[tokio::test]
async fn a_join_whose_reply_is_lost_is_repeated_with_another_candidate() {
    let found = format!("VA 1 k{} O1\r\n5\r\n", epoch_key());
    let fake = Fake::start(&[&[], &[&found]]).await;
    let backend = MemcacheBackend::builder([fake.address()]).user_epochs(true).build().unwrap();
    assert_eq!(backend.join("session:user:ann", 9, LONG).await.unwrap(), 5);
    let is_first: Vec<bool> = fake.received().iter().map(|command| command.contains(" J9 ")).collect();
    assert_eq!(is_first, [true, false], "the first call may still be carried out");
}

#[tokio::test]
async fn an_epoch_that_is_no_number_is_an_error() {
    let server = Server::start();
    let backend = with_epochs(&[&server]);
    server.ask(&format!("set {} 2 0 2\r\n{{}}", epoch_key()));
    for epoch in [
        backend.current("session:user:ann", LONG).await.map(drop),
        backend.join("session:user:ann", 1, LONG).await.map(drop),
    ] {
        assert_eq!(epoch.unwrap_err().kind(), session_core::BackendErrorKind::Corrupt);
    }
}

#[tokio::test]
async fn memcached_lists_no_sessions_and_without_epochs_revokes_none() {
    let server = Server::start();
    let no_index = |error: SessionError| matches!(error, SessionError::NoUserIndex);
    for epochs in [false, true] {
        let backend = patient(&[&server]).user_epochs(epochs).build().unwrap();
        let app = App::new(backend.clone());
        let browser = signed_in(&app).await;
        let request = app.open(&browser).await;
        assert!(no_index(app.manager().sessions_of(USER).await.unwrap_err()));
        assert!(no_index(app.manager().revoke_others(&request).await.unwrap_err()));
        assert!(no_index(app.manager().revoke(USER, request.reference().unwrap()).await.unwrap_err()));
        assert!(no_index(app.manager().count().await.unwrap_err()));
        match app.manager().revoke_all(USER).await {
            Ok(number) => assert!(epochs && number.is_none()),
            Err(error) => assert!(!epochs && no_index(error)),
        }
        assert_eq!(is_signed_in(&app, &browser).await, !epochs);
        let required = SessionConfig::builder(SECRET, "id").backend(backend).require_user_index(true).build();
        assert!(matches!(required, Err(ConfigError::NoUserIndex)));
    }
}
