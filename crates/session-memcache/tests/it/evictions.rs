//! Sessions that a server drops, because it is too small.

use crate::support::{App, Server, backend};

#[tokio::test]
async fn an_evicted_session_is_an_empty_one_under_a_new_id() {
    let server = Server::with(&["-m", "2"]);
    let app = App::new(backend(&server));
    let first = app.browser_with(r#"{"user":"ann"}"#).await;
    let slow = app.open(&first).await;
    slow.insert("late", true).unwrap();

    // More items of the same size, until none of the first ones can be left. The first session is not read in between,
    // because memcached keeps the items longest that are used.
    let mut number = 0;
    while server.stats()["evictions"] < 50_000 {
        let more = (number..number + 1000)
            .map(|number| format!("set session:{number:022} 2 0 14\r\n{{\"user\":\"bob\"}}\r\n"));
        server.ask(&more.collect::<String>());
        number += 1000;
    }

    // A request that had loaded it learns that its changes can't be kept.
    let late = slow.respond().await;
    assert!(late.error.is_some_and(|error| error.status() == 409) && late.set_cookie.is_none());
    // The next request begins a new session.
    let mut browser = first.clone();
    let request = app.open(&browser).await;
    assert!(request.is_new() && request.is_empty());
    app.visit(&mut browser, |session| session.insert("user", "bob").unwrap()).await;
    assert!(browser.has_cookie() && browser != first, "the old id is not used again");
    assert_eq!(app.data(&browser).await, r#"{"user":"bob"}"#);
    assert_eq!(app.data(&first).await, "{}");
}
