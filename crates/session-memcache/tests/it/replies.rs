//! Servers that say strange things, or nothing.

use std::error::Error;
use std::time::{Duration, Instant};

use session_core::{Applied, AtomicBackend, BackendErrorKind, ISessionBackend};
use session_memcache::MemcacheBackend;

use crate::support::{Fake, LONG, map};

const FOUND: &str = "VA 2 O1 kkey f2 c7\r\n{}\r\n";

fn backend(fake: &Fake) -> MemcacheBackend {
    let builder = MemcacheBackend::builder([fake.address()]).operation_timeout(Duration::from_secs(5));
    builder.build().expect("the address is good")
}

#[tokio::test]
async fn a_good_reply_is_a_good_reply() {
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
async fn a_write_is_not_sent_again_when_its_reply_is_lost() {
    let fake = Fake::start(&[&[]]).await;
    let backend = backend(&fake);
    let value = map("{}");
    let error = backend.create("key", &value, LONG).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (BackendErrorKind::Unavailable, Applied::Unknown));
    let error = backend.set("key", &value, LONG).await.unwrap_err();
    assert_eq!(error.applied(), Applied::Unknown);
    let sent = fake.received().concat();
    assert_eq!(sent.matches("ms key ").count(), 2, "{sent}");
}

#[tokio::test]
async fn a_cas_whose_reply_is_lost_is_not_sent_again() {
    let fake = Fake::start(&[&[FOUND]]).await;
    let backend = backend(&fake);
    let version = backend.fetch("key").await.unwrap().expect("it is there").version;
    let error = backend.replace("key", &map("{}"), LONG, &version).await.unwrap_err();
    assert_eq!(error.applied(), Applied::Unknown);
    let sent = fake.received().concat();
    assert_eq!(sent.matches("ms key ").count(), 1, "{sent}");
    assert!(sent.contains(" C7"), "{sent}");
}

#[tokio::test]
async fn a_silent_server_costs_the_operation_timeout_and_no_more() {
    let fake = Fake::start(&[&["VA 2 O1 kkey f2 c7\r\n{"], &["HD O1 k"]]).await;
    let backend = MemcacheBackend::new([fake.address()]).unwrap();
    let begin = Instant::now();
    let error = backend.get("key").await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (BackendErrorKind::Timeout, Applied::No));
    let waited = begin.elapsed();
    assert!((240..1000).contains(&waited.as_millis()), "{waited:?}");
    let error = backend.set("key", &map("{}"), LONG).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (BackendErrorKind::Timeout, Applied::Unknown));
    assert_eq!(fake.received().len(), 2, "the connection of the first was closed");
}
