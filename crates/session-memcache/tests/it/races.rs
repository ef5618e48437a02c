//! Requests of one session at the same time, in one process and in two.

use session_core::{Session, SessionError};

use crate::support::{App, Browser, Request, Server, backend, patient, respond_together};

const MANY: usize = 200;

/// Two processes on one server: the locks of one do not concern the other.
fn two_apps(server: &Server) -> [App; 2] {
    [App::new(backend(server)), App::new(backend(server))]
}

/// Requests that have all loaded the session, of either process in turn.
async fn open_many(apps: &[App; 2], browser: &Browser, count: usize) -> Vec<Request> {
    let mut requests = Vec::new();
    for number in 0..count {
        requests.push(apps[number % 2].open(browser).await);
    }
    requests
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_writes_of_different_keys_are_all_kept() {
    let server = Server::start();
    let apps = two_apps(&server);
    let browser = apps[0].browser_with(r#"{"first":true}"#).await;
    let requests = open_many(&apps, &browser, MANY).await;
    for (number, request) in requests.iter().enumerate() {
        request.insert(&format!("key{number}"), number).unwrap();
    }
    let responses = respond_together(requests).await;
    assert!(responses.iter().all(|response| response.error.is_none()));
    let session = apps[0].open(&browser).await;
    assert_eq!(session.to_map().len(), MANY + 1);
    for number in 0..MANY {
        assert_eq!(session.get(&format!("key{number}")).unwrap(), Some(number));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn increments_are_all_counted() {
    let server = Server::start();
    let apps = two_apps(&server);
    let browser = apps[0].browser_with(r#"{"n":0}"#).await;
    let requests = open_many(&apps, &browser, MANY).await;
    for request in &requests {
        request.update("n", |n: Option<usize>| n.unwrap_or_default() + 1).unwrap();
    }
    let responses = respond_together(requests).await;
    assert!(responses.iter().all(|response| response.error.is_none()));
    assert_eq!(apps[1].data(&browser).await, format!(r#"{{"n":{MANY}}}"#));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_concurrent_takes_succeeds() {
    let server = Server::start();
    let apps = two_apps(&server);
    for data in [r#"{"token":"once","user":"ann"}"#, r#"{"token":"once"}"#] {
        let browser = apps[0].browser_with(data).await;
        let requests = open_many(&apps, &browser, 40).await;
        for request in &requests {
            assert_eq!(request.take::<String>("token").unwrap().as_deref(), Some("once"));
        }
        let responses = respond_together(requests).await;
        let succeeded = responses.iter().filter(|response| response.error.is_none()).count();
        assert_eq!(succeeded, 1);
        assert!(apps[0].open(&browser).await.get::<String>("token").unwrap().is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_concurrent_renewals_is_left_and_the_browser_ends_up_with_it() {
    let servers = [Server::start(), Server::start(), Server::start()];
    let backend = || patient(&servers.each_ref()).build().unwrap();
    let apps = [App::new(backend()), App::new(backend())];
    for _ in 0..10 {
        let old = apps[0].browser_with(r#"{"user":"ann"}"#).await;
        let requests = open_many(&apps, &old, 20).await;
        for request in &requests {
            request.renew().unwrap();
        }
        let responses = respond_together(requests).await;
        assert_eq!(responses.iter().filter(|response| response.error.is_none()).count(), 1);
        for response in &responses {
            assert_eq!(response.set_cookie.is_some(), response.error.is_none());
            assert!(matches!(response.error, None | Some(SessionError::Gone)), "{:?}", response.error);
        }
        let mut browser = old.clone();
        responses.iter().for_each(|response| browser.receive(response));
        assert_eq!(apps[1].data(&browser).await, r#"{"user":"ann"}"#);
        assert_eq!(apps[1].data(&old).await, "{}");
    }
    let items: u64 = servers.iter().map(|server| server.stats()["curr_items"]).sum();
    assert_eq!(items, 20, "ten sessions and ten tombstones: no copy is left behind");
}

#[tokio::test]
async fn a_destroyed_session_is_not_brought_back_by_a_slow_request() {
    let server = Server::start();
    let apps = two_apps(&server);
    // A renewal is an error, because its client may believe to be logged in. Other changes are dropped.
    let changes: [fn(&Session); 4] = [
        |session| session.insert("late", true).unwrap(),
        |session| assert_eq!(session.update("n", |n: Option<u32>| n.unwrap_or_default() + 1).unwrap(), 1),
        |session| assert!(session.remove("user").unwrap()),
        |session| session.renew().unwrap(),
    ];
    for (change, is_error) in changes.into_iter().zip([false, false, false, true]) {
        let old = apps[0].browser_with(r#"{"user":"ann"}"#).await;
        let slow = apps[0].open(&old).await;
        change(&slow);
        let mut browser = old.clone();
        apps[1].visit(&mut browser, Session::destroy).await;
        assert!(!browser.has_cookie());
        let late = slow.respond().await;
        assert!(late.set_cookie.is_none() && late.error.is_some() == is_error, "{late:?}");
        assert!(matches!(late.error, None | Some(SessionError::Gone)), "{late:?}");
        assert_eq!(apps[0].data(&old).await, "{}");
    }
}

#[tokio::test]
async fn a_logout_destroys_the_successors_of_a_session_that_was_renewed_before() {
    let server = Server::start();
    let apps = two_apps(&server);
    let old = apps[0].browser_with(r#"{"user":"ann"}"#).await;
    let leaving = apps[1].handle(&old);
    let mut browser = old.clone();
    for _ in 0..3 {
        apps[0].visit(&mut browser, |session| session.renew().unwrap()).await;
    }
    leaving.destroy();
    assert!(apps[1].commit(&leaving).await.error.is_none());
    assert_eq!(apps[0].data(&browser).await, "{}");
}

#[tokio::test]
async fn a_write_to_a_session_that_was_renewed_before_is_refused() {
    let server = Server::start();
    let apps = two_apps(&server);
    let mut browser = apps[0].browser_with(r#"{"user":"ann"}"#).await;
    let slow = apps[1].open(&browser).await;
    slow.insert("late", true).unwrap();
    apps[0].visit(&mut browser, |session| session.renew().unwrap()).await;
    let late = slow.respond().await;
    assert!(matches!(late.error, Some(SessionError::Gone)) && late.set_cookie.is_none(), "{late:?}");
    assert_eq!(apps[0].data(&browser).await, r#"{"user":"ann"}"#);
}

#[tokio::test]
async fn a_renewal_takes_along_the_changes_of_other_requests() {
    let server = Server::start();
    let apps = two_apps(&server);
    let mut browser = apps[0].browser_with(r#"{"cart":[1]}"#).await;
    let login = apps[0].open(&browser).await;
    login.insert("user", "ann").unwrap();
    login.renew().unwrap();
    apps[1].visit(&mut browser.clone(), |session| session.insert("seen", 7).unwrap()).await;
    browser.receive(&login.respond().await);
    assert_eq!(apps[1].data(&browser).await, r#"{"cart":[1],"seen":7,"user":"ann"}"#);
}
