//! The markers of removed and renewed sessions, and what they cost.

use session_core::{AtomicBackend, Create, Marker, Remove, Rotate, WriteOutcome};
use session_memcache::MemcacheBackend;

use crate::support::{LONG, PlainCalls, Server, backend, map, version};

fn renewed() -> Marker {
    Marker::Renewed { successor: "elsewhere".into() }
}

/// Removes a session, and returns the outcome with the number of round trips.
async fn removed(server: &Server, backend: &MemcacheBackend, remove: Remove<'_>) -> (WriteOutcome<()>, usize) {
    let before = server.commands();
    let outcome = backend.remove(remove).await.expect("the server answers");
    (outcome, server.commands() - before)
}

#[tokio::test]
async fn a_key_with_a_marker_is_not_created() {
    let server = Server::start();
    let backend = backend(&server);
    backend.set("key", &map("{}"), LONG).await.unwrap();
    backend.delete("key").await.unwrap();
    let outcome = backend.create(Create::new("key", &map("{}"), LONG)).await.unwrap();
    assert!(matches!(outcome, WriteOutcome::Gone(Some(Marker::Destroyed))), "{outcome:?}");
    assert_eq!(backend.get("key").await.unwrap(), None);

    backend.set("live", &map("{}"), LONG).await.unwrap();
    let outcome = backend.create(Create::new("live", &map("{}"), LONG)).await.unwrap();
    assert!(matches!(outcome, WriteOutcome::Conflict(None)), "{outcome:?}");
}

#[tokio::test]
async fn a_session_is_not_renewed_to_a_key_that_is_in_use_or_has_a_marker() {
    let server = Server::start();
    let backend = backend(&server);
    let session = map(r#"{"n":1}"#);
    let at = version(backend.create(Create::new("old", &session, LONG)).await.unwrap());
    backend.remove(Remove::new("gone")).await.unwrap();
    backend.set("live", &map("{}"), LONG).await.unwrap();

    let outcome = backend.rotate(Rotate::new("old", "gone", &session, LONG, &at)).await.unwrap();
    assert!(matches!(outcome, WriteOutcome::Gone(Some(Marker::Destroyed))), "{outcome:?}");
    let outcome = backend.rotate(Rotate::new("old", "live", &session, LONG, &at)).await.unwrap();
    assert!(matches!(outcome, WriteOutcome::Conflict(None)), "{outcome:?}");
    assert_eq!(backend.get("old").await.unwrap(), Some(session));
    assert_eq!(backend.get("live").await.unwrap(), Some(map("{}")));
}

#[tokio::test]
async fn a_removal_leaves_its_marker_where_nothing_was_stored() {
    let server = Server::start();
    let backend = backend(&server);
    let (outcome, round_trips) = removed(&server, &backend, Remove::new("key").leaving(renewed())).await;
    assert!(matches!(outcome, WriteOutcome::Gone(None)), "{outcome:?}");
    assert_eq!(round_trips, 2);
    assert_eq!(backend.marker("key").await.unwrap(), Some(renewed()));
    // The create of a request that was under way.
    let outcome = backend.create(Create::new("key", &map("{}"), LONG)).await.unwrap();
    assert!(matches!(outcome, WriteOutcome::Gone(Some(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_removal_leaves_the_marker_that_it_is_given_and_keeps_an_earlier_one() {
    let server = Server::start();
    let backend = backend(&server);
    backend.set("key", &map("{}"), LONG).await.unwrap();
    let (outcome, round_trips) = removed(&server, &backend, Remove::new("key").leaving(renewed())).await;
    assert!(matches!(outcome, WriteOutcome::Done(())), "{outcome:?}");
    assert_eq!(round_trips, 2);
    let (outcome, round_trips) = removed(&server, &backend, Remove::new("key")).await;
    assert!(matches!(outcome, WriteOutcome::Gone(Some(marker)) if marker == renewed()));
    assert_eq!(round_trips, 1);
}

#[tokio::test]
async fn a_removal_at_a_version_leaves_its_marker_only_if_it_removes_the_session() {
    let server = Server::start();
    let backend = backend(&server);
    let old = version(backend.create(Create::new("key", &map("{}"), LONG)).await.unwrap());
    backend.set("key", &map(r#"{"n":1}"#), LONG).await.unwrap();
    let outcome = backend.remove(Remove::new("key").at(&old)).await.unwrap();
    let WriteOutcome::Conflict(Some(current)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(current.session, map(r#"{"n":1}"#));
    assert_eq!(backend.marker("key").await.unwrap(), None);

    let remove = Remove::new("key").at(&current.version).leaving(renewed());
    let (outcome, round_trips) = removed(&server, &backend, remove).await;
    assert!(matches!(outcome, WriteOutcome::Done(())), "{outcome:?}");
    assert_eq!(round_trips, 1);
    assert_eq!(backend.marker("key").await.unwrap(), Some(renewed()));

    let (outcome, _) = removed(&server, &backend, Remove::new("key").at(&current.version)).await;
    assert!(matches!(outcome, WriteOutcome::Gone(Some(marker)) if marker == renewed()));
    let (outcome, _) = removed(&server, &backend, Remove::new("absent").at(&old)).await;
    assert!(matches!(outcome, WriteOutcome::Gone(None)), "{outcome:?}");
    assert_eq!(backend.marker("absent").await.unwrap(), None);
}
