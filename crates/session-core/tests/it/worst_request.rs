//! The processor time of the worst request of 64 KiB against a session at the default limits.
//!
//! On Linux, which tells the processor time of a thread.

use std::time::Duration;

use session_core::SessionMap;

use crate::support::{App, Browser, at_once, defaults, processor_time};

const BODY: usize = 64 * 1024;

/// The promise is 50 ms in a release build. A debug build takes about ten times as long.
const LIMIT: Duration = Duration::from_millis(if cfg!(debug_assertions) { 500 } else { 50 });

/// An object of so many members, `bytes` long, whose keys share a long start of escapes.
fn object(members: usize, bytes: usize, value: char) -> String {
    let rest = bytes / members - 30;
    let member =
        |number| format!("\"{}{number:05}\":\"{}\"", "\\n".repeat(rest / 4), value.to_string().repeat(rest / 2));
    format!("{{{}}}", (0..members).map(member).collect::<Vec<_>>().join(","))
}

/// Reads a body and merges it into the session of a browser, as the demo does.
fn post(app: &App, browser: &mut Browser, body: &str) -> Duration {
    let start = processor_time();
    let handle = app.handle(browser);
    let session = at_once(handle.load()).expect("memory does not fail");
    let map = SessionMap::from_slice(body.as_bytes()).expect("an object");
    map.validate().expect("JSON");
    let extended = session.extend(&map).is_ok();
    let commit = at_once(handle.commit(if extended { 200 } else { 400 }));
    let time = processor_time() - start;
    browser.receive(&commit);
    time
}

#[test]
fn the_worst_request_takes_a_bounded_processor_time() {
    let (app, _probe) = App::server(defaults);
    let mut browser = Browser::default();
    // The session fills up to the limits: 1,024 keys, and nearly 128 KiB.
    post(&app, &mut browser, &object(1024, 120 * 1024, 'x'));
    for (members, value) in [(1024, 'y'), (1024, 'z'), (1000, 'a'), (2000, 'b'), (64, 'c')] {
        let body = object(members, BODY, value);
        assert!(body.len() <= BODY);
        // The least of several, because a busy machine adds to each.
        let time = (0..5).map(|_| post(&app, &mut browser.clone(), &body)).min().expect("five times");
        assert!(time < LIMIT, "{members} members: {time:?}");
    }
}
