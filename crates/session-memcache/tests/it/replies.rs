//! Replies that are wrong, late or lost.

use std::error::Error;
use std::time::{Duration, Instant};

use session_core::{Applied, AtomicBackend, BackendError, BackendErrorKind, Create, Replace, Rotate, WriteOutcome};
use session_memcache::MemcacheBackend;

use crate::support::{Fake, LONG, PlainCalls, map};

const FOUND: &str = "VA 2 O1 kkey f2 c7\r\n{}\r\n";

fn backend(fake: &Fake) -> MemcacheBackend {
    let builder = MemcacheBackend::builder([fake.address()]).timeout(Duration::from_secs(5));
    builder.build().expect("the address is good")
}

#[tokio::test]
async fn replies_that_belong_to_their_calls_are_taken_and_the_connection_is_kept() {
    let fake = Fake::start(&[&[FOUND, "EN O2 kkey\r\n"]]).await;
    let backend = backend(&fake);
    assert_eq!(backend.get("key").await.unwrap(), Some(map("{}")));
    assert_eq!(backend.get("key").await.unwrap(), None);
    assert_eq!(fake.received(), ["mg key O1 k v f c\r\nmg key O2 k v f c\r\n"], "on one connection");
}

#[tokio::test]
async fn replies_that_belong_to_another_call_are_refused_and_the_connection_is_closed() {
    for reply in [
        // Another key, another call, no call, no key; the same for a miss.
        "VA 2 O1 kother f2 c7\r\n{}\r\n",
        "VA 2 O2 kkey f2 c7\r\n{}\r\n",
        "VA 2 kkey f2 c7\r\n{}\r\n",
        "VA 2 O1 f2 c7\r\n{}\r\n",
        "EN O1 kother\r\n",
        "EN O9 kkey\r\n",
        // Replies to other commands, no flags, and no reply at all.
        "HD O1 kkey\r\n",
        "NS O1 kkey\r\n",
        "VA 2 O1 kkey c7\r\n{}\r\n",
        "nonsense\r\n",
        "{}\r\n",
    ] {
        let fake = Fake::start(&[&[reply], &[FOUND]]).await;
        let backend = backend(&fake);
        let error = backend.get("key").await.unwrap_err();
        assert_eq!((error.kind(), error.applied()), (BackendErrorKind::Unavailable, Applied::No), "{reply}");
        assert_eq!(backend.get("key").await.unwrap(), Some(map("{}")));
        assert_eq!(fake.received().len(), 2, "a connection of its own: {reply}");
    }
}

#[tokio::test]
async fn a_server_that_is_too_old_is_named_as_such() {
    for reply in ["EN\r\n", "ERROR\r\n"] {
        let fake = Fake::start(&[&[reply]]).await;
        let error = backend(&fake).get("key").await.unwrap_err();
        assert_eq!(error.kind(), BackendErrorKind::Refused);
        assert!(error.source().is_some_and(|source| source.to_string().contains("1.6.18")));
    }
}

#[tokio::test]
async fn a_read_is_sent_again_when_the_connection_was_closed() {
    let fake = Fake::start(&[&[], &[FOUND]]).await;
    assert_eq!(backend(&fake).get("key").await.unwrap(), Some(map("{}")));
    assert_eq!(fake.received().len(), 2);
}

#[tokio::test]
async fn a_create_whose_reply_is_lost_is_done_if_its_session_is_stored() {
    let fake = Fake::start(&[&[], &[FOUND]]).await;
    let outcome = backend(&fake).create(Create::new("key", &map("{}"), LONG)).await;
    assert!(matches!(outcome, Ok(WriteOutcome::Done(_))), "{outcome:?}");
    assert_eq!(fake.received().concat().matches("ms key ").count(), 1);
}

#[tokio::test]
async fn a_create_whose_reply_is_lost_is_sent_again_if_nothing_is_stored() {
    let fake = Fake::start(&[&[], &["EN O1 kkey\r\n", "HD O2 kkey c9\r\n"]]).await;
    let outcome = backend(&fake).create(Create::new("key", &map("{}"), LONG)).await;
    assert!(matches!(outcome, Ok(WriteOutcome::Done(_))), "{outcome:?}");
    assert_eq!(fake.received().concat().matches("ms key ").count(), 2);
}

#[tokio::test]
async fn a_create_that_comes_late_makes_its_repetition_no_conflict() {
    // The first one arrives between the look and the second one.
    let fake = Fake::start(&[&[], &["EN O1 kkey\r\n", "NS O2 kkey\r\n"]]).await;
    let error = backend(&fake).create(Create::new("key", &map("{}"), LONG)).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (BackendErrorKind::Unavailable, Applied::Maybe));
}

#[tokio::test]
async fn a_write_is_sent_twice_at_most() {
    let fake = Fake::start(&[&[], &["EN O1 kkey\r\n"]]).await;
    let error = backend(&fake).create(Create::new("key", &map("{}"), LONG)).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (BackendErrorKind::Unavailable, Applied::Maybe));
    let sent = fake.received().concat();
    assert_eq!(sent.matches("ms key ").count(), 2, "{sent}");
}

/// Replaces a session of version 7 by another one. The reply is lost; then the connections answer like this.
async fn replaced(then: &[&str]) -> (Result<WriteOutcome, BackendError>, String) {
    let fake = Fake::start(&[&[FOUND], then]).await;
    let backend = backend(&fake);
    let stored = backend.fetch("key").await.expect("it answers").expect("it is stored");
    let outcome = backend.replace(Replace::new("key", &map("{}"), LONG, &stored.version)).await;
    (outcome, fake.received().concat())
}

#[tokio::test]
async fn a_cas_whose_reply_is_lost_is_not_sent_again_at_another_version() {
    // Its own write, perhaps, or that of another request with the same data.
    for found in ["VA 2 O1 kkey f2 c8\r\n{}\r\n", &tombstone("key", 1)] {
        let (outcome, sent) = replaced(&[found]).await;
        assert_eq!(outcome.unwrap_err().applied(), Applied::Maybe);
        assert_eq!(sent.matches("ms key ").count(), 1, "{sent}");
        assert!(sent.contains(" C7"), "{sent}");
    }
}

#[tokio::test]
async fn a_cas_whose_reply_is_lost_is_sent_again_at_its_version() {
    let (outcome, sent) = replaced(&[FOUND, "HD O2 kkey c9\r\n"]).await;
    assert!(matches!(outcome, Ok(WriteOutcome::Done(_))), "{outcome:?}");
    assert_eq!(sent.matches(" C7\r\n").count(), 2, "{sent}");
}

#[tokio::test]
async fn a_cas_that_comes_late_makes_its_repetition_no_conflict() {
    // The first one arrives between the look and the second one.
    let (outcome, _) = replaced(&[FOUND, "EX O2 kkey\r\n"]).await;
    assert_eq!(outcome.unwrap_err().applied(), Applied::Maybe);
}

/// The tombstone of a session that was renewed from `old` to `new`.
const TOMBSTONE: &str = "0e1151011151151051111102110101119";

async fn renewed(fake: &Fake) -> Result<WriteOutcome, BackendError> {
    let backend = backend(fake);
    let version = backend.fetch("old").await?.expect("it is there").version;
    let value = map("{}");
    backend.rotate(Rotate::new("old", "new", &value, LONG, &version)).await
}

fn tombstone(key: &str, call: u32) -> String {
    format!("VA {} O{call} k{key} f2 c10\r\n{TOMBSTONE}\r\n", TOMBSTONE.len())
}

#[tokio::test]
async fn a_renewal_whose_last_reply_is_lost_is_known_by_its_tombstone() {
    let fake = Fake::start(&[&["VA 2 O1 kold f2 c7\r\n{}\r\n", "HD O2 knew c9\r\n"], &[&tombstone("old", 1)]]).await;
    assert!(matches!(renewed(&fake).await, Ok(WriteOutcome::Done(_))));
    let sent = fake.received().concat();
    assert!(sent.contains(&format!("C7\r\n{TOMBSTONE}\r\n")), "{sent}");
    assert_eq!(sent.matches("ms old ").count(), 1, "{sent}");
}

#[tokio::test]
async fn a_renewal_whose_last_command_is_lost_is_completed() {
    let fake = Fake::start(&[
        &["VA 2 O1 kold f2 c7\r\n{}\r\n", "HD O2 knew c9\r\n"],
        &["VA 2 O1 kold f2 c7\r\n{}\r\n", "HD O2 kold c10\r\n"],
    ])
    .await;
    assert!(matches!(renewed(&fake).await, Ok(WriteOutcome::Done(_))));
}

#[tokio::test]
async fn a_renewal_that_was_overtaken_when_its_reply_was_lost_takes_the_copy_back() {
    let fake = Fake::start(&[
        &["VA 2 O1 kold f2 c7\r\n{}\r\n", "HD O2 knew c9\r\n"],
        &["VA 7 O1 kold f2 c8\r\n{\"a\":1}\r\n", "HD O2 knew\r\n", "VA 7 O3 kold f2 c8\r\n{\"a\":1}\r\n"],
    ])
    .await;
    match renewed(&fake).await {
        Ok(WriteOutcome::Conflict(Some(current))) => assert_eq!(current.session, map(r#"{"a":1}"#)),
        other => panic!("{other:?}"),
    }
    let sent = fake.received().concat();
    assert!(sent.contains("md new O2 k C9\r\n"), "{sent}");
}

#[tokio::test]
async fn a_renewal_whose_first_reply_is_lost_goes_on_where_the_copy_is_there() {
    let fake =
        Fake::start(&[&["VA 2 O1 kold f2 c7\r\n{}\r\n"], &["VA 2 O1 knew f2 c9\r\n{}\r\n", "HD O2 kold c10\r\n"]])
            .await;
    assert!(matches!(renewed(&fake).await, Ok(WriteOutcome::Done(_))));
}

#[tokio::test]
async fn a_renewal_without_a_copy_was_certainly_not_made() {
    let fake = Fake::start(&[&["VA 2 O1 kold f2 c7\r\n{}\r\n"], &["EN O1 knew\r\n"]]).await;
    assert_eq!(renewed(&fake).await.unwrap_err().applied(), Applied::No);
    assert!(!fake.received().concat().contains("ms old "));
}

#[tokio::test]
async fn a_silent_server_costs_the_timeout_and_no_more() {
    let fake = Fake::start(&[&["VA 2 O1 kkey f2 c7\r\n{"], &["HD O1 k"]]).await;
    let backend = MemcacheBackend::new([fake.address()]).unwrap();
    let begin = Instant::now();
    let error = backend.get("key").await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (BackendErrorKind::Timeout, Applied::No));
    let waited = begin.elapsed();
    assert!((240..1000).contains(&waited.as_millis()), "{waited:?}");
    let error = backend.set("key", &map("{}"), LONG).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (BackendErrorKind::Timeout, Applied::Maybe));
    assert_eq!(fake.received().len(), 2, "the connection of the first was closed");
}

#[tokio::test]
async fn calls_that_wait_for_a_connection_are_not_told_that_the_server_is_slow() {
    let fake = Fake::start(&[&["VA 2 O1 kkey"], &[FOUND]]).await;
    let limit = Duration::from_millis(500);
    let builder = MemcacheBackend::builder([fake.address()]).connections_per_node(1).timeout(limit);
    let backend = builder.build().unwrap();
    let calls = futures_util::future::join_all((0..10).map(|_| backend.get("key"))).await;
    let errors: Vec<_> = calls.into_iter().filter_map(Result::err).collect();
    // The last of them may have had the connection of the first.
    assert!(errors.len() >= 9, "{errors:?}");
    assert!(errors.iter().all(|error| error.kind() == BackendErrorKind::Timeout), "{errors:?}");
    let causes: Vec<_> = errors.iter().filter_map(Error::source).map(ToString::to_string).collect();
    assert!(causes[0].contains("no reply within 500ms, the `timeout`"), "{causes:?}");
    assert!(causes[1..].iter().all(|cause| cause.contains("`connections_per_node` are all in use")), "{causes:?}");
    // One call got no answer from the node, which is not enough to avoid it.
    assert_eq!(backend.get("key").await.unwrap(), Some(map("{}")));
}
