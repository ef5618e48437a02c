//! The calls of the contract, one by one.

use session_core::{
    AtomicBackend, BackendErrorKind, Create, Marker, Remove, Replace, Rotate, Touch, Version, WriteOutcome,
};

use crate::support::{Database, HOUR, cause, create, map, on_each_database, stored};

on_each_database![
    a_marked_key_is_refused_by_create_and_rotate,
    a_removal_of_an_absent_session_leaves_its_marker,
    a_removal_leaves_the_marker_that_it_is_given_and_keeps_one_that_is_there,
    a_removal_at_a_version_of_an_absent_session_leaves_no_marker,
    a_rotation_to_a_key_in_use_is_a_conflict_that_changes_nothing,
    a_rotation_at_an_old_version_answers_with_the_current_session,
    an_expired_row_counts_as_absent_in_every_call,
    a_write_by_another_program_changes_the_version,
    a_session_that_another_program_inserts_is_read_and_written,
    an_unreadable_value_is_corrupt_and_can_be_removed,
    values_come_back_byte_for_byte,
    a_value_beyond_the_limit_is_too_large,
    a_table_without_schema_or_version_is_an_error_that_says_so,
    a_users_sessions_are_found_and_ended_by_plain_statements,
];

/// Lets a row expire.
async fn expire(database: &Database, key: &str) {
    let past = database.past();
    database.ask(&format!("UPDATE {{t}} SET expires_at = {past} WHERE session_key = '{key}'")).await;
}

async fn a_marked_key_is_refused_by_create_and_rotate(database: Database) {
    let backend = database.backend();
    create(&backend, "gone", "{}").await;
    backend.remove(Remove::new("gone")).await.unwrap();
    let empty = map("{}");
    let created = backend.create(Create::new("gone", &empty, HOUR)).await.unwrap();
    assert!(matches!(created, WriteOutcome::Gone(Some(Marker::Destroyed))), "{created:?}");

    let version = create(&backend, "old", r#"{"n":1}"#).await;
    let rotated = backend.rotate(Rotate::new("old", "gone", &empty, HOUR, &version)).await.unwrap();
    assert!(matches!(rotated, WriteOutcome::Gone(Some(Marker::Destroyed))), "{rotated:?}");
    assert_eq!(stored(&backend, "old").await.as_deref(), Some(r#"{"n":1}"#));
    assert_eq!(backend.marker("old").await.unwrap(), None);
}

async fn a_removal_of_an_absent_session_leaves_its_marker(database: Database) {
    let backend = database.backend();
    let removed = backend.remove(Remove::new("absent")).await.unwrap();
    assert!(matches!(removed, WriteOutcome::Gone(None)), "{removed:?}");
    assert_eq!(backend.marker("absent").await.unwrap(), Some(Marker::Destroyed));
    let created = backend.create(Create::new("absent", &map("{}"), HOUR)).await.unwrap();
    assert!(matches!(created, WriteOutcome::Gone(Some(Marker::Destroyed))), "{created:?}");
}

async fn a_removal_leaves_the_marker_that_it_is_given_and_keeps_one_that_is_there(database: Database) {
    let backend = database.backend();
    let renewed = Marker::Renewed { successor: "successor".into() };
    create(&backend, "a", "{}").await;
    let removed = backend.remove(Remove::new("a").leaving(renewed.clone())).await.unwrap();
    assert!(matches!(removed, WriteOutcome::Done(())), "{removed:?}");
    let again = backend.remove(Remove::new("a")).await.unwrap();
    assert!(matches!(again, WriteOutcome::Gone(Some(found)) if found == renewed));
    assert_eq!(backend.marker("a").await.unwrap(), Some(renewed));
}

async fn a_removal_at_a_version_of_an_absent_session_leaves_no_marker(database: Database) {
    let backend = database.backend();
    let version = create(&backend, "a", "{}").await;
    let absent = backend.remove(Remove::new("absent").at(&version)).await.unwrap();
    assert!(matches!(absent, WriteOutcome::Gone(None)), "{absent:?}");
    assert_eq!(backend.marker("absent").await.unwrap(), None);

    let removed = backend.remove(Remove::new("a").at(&version)).await.unwrap();
    assert!(matches!(removed, WriteOutcome::Done(())), "{removed:?}");
    let again = backend.remove(Remove::new("a").at(&version)).await.unwrap();
    assert!(matches!(again, WriteOutcome::Gone(Some(Marker::Destroyed))), "{again:?}");
}

async fn a_rotation_to_a_key_in_use_is_a_conflict_that_changes_nothing(database: Database) {
    let backend = database.backend();
    let version = create(&backend, "old", r#"{"n":1}"#).await;
    create(&backend, "new", r#"{"n":2}"#).await;
    let rotated = backend.rotate(Rotate::new("old", "new", &map("{}"), HOUR, &version)).await.unwrap();
    assert!(matches!(rotated, WriteOutcome::Conflict(None)), "{rotated:?}");
    assert_eq!(stored(&backend, "old").await.as_deref(), Some(r#"{"n":1}"#));
    assert_eq!(stored(&backend, "new").await.as_deref(), Some(r#"{"n":2}"#));
}

async fn a_rotation_at_an_old_version_answers_with_the_current_session(database: Database) {
    let backend = database.backend();
    let old = create(&backend, "old", r#"{"n":1}"#).await;
    backend.replace(Replace::new("old", &map(r#"{"n":2}"#), HOUR, &old)).await.unwrap();
    create(&backend, "taken", "{}").await;
    for new in ["new", "taken"] {
        let rotated = backend.rotate(Rotate::new("old", new, &map("{}"), HOUR, &old)).await.unwrap();
        let WriteOutcome::Conflict(Some(current)) = rotated else { panic!("{rotated:?}") };
        assert_eq!(current.session.as_json(), r#"{"n":2}"#);
    }
}

async fn an_expired_row_counts_as_absent_in_every_call(database: Database) {
    let backend = database.backend();
    let value = map(r#"{"n":2}"#);
    let versions = [create(&backend, "a", "{}").await, create(&backend, "b", "{}").await];
    expire(&database, "a").await;
    assert_eq!(stored(&backend, "a").await, None);
    assert!(!backend.touch(Touch::new("a", HOUR)).await.unwrap());
    let replaced = backend.replace(Replace::new("a", &value, HOUR, &versions[0])).await.unwrap();
    assert!(matches!(replaced, WriteOutcome::Gone(None)), "{replaced:?}");
    let rotated = backend.rotate(Rotate::new("a", "new", &value, HOUR, &versions[0])).await.unwrap();
    assert!(matches!(rotated, WriteOutcome::Gone(None)), "{rotated:?}");
    let removed = backend.remove(Remove::new("a").at(&versions[0])).await.unwrap();
    assert!(matches!(removed, WriteOutcome::Gone(None)), "{removed:?}");
    // It gives way to a new session, and to a marker.
    let rotated = backend.rotate(Rotate::new("b", "a", &value, HOUR, &versions[1])).await.unwrap();
    assert!(matches!(rotated, WriteOutcome::Done(_)), "{rotated:?}");
    expire(&database, "a").await;
    create(&backend, "a", r#"{"n":3}"#).await;
    expire(&database, "a").await;
    let removed = backend.remove(Remove::new("a")).await.unwrap();
    assert!(matches!(removed, WriteOutcome::Gone(None)), "{removed:?}");
    assert_eq!(backend.marker("a").await.unwrap(), Some(Marker::Destroyed));
    // So does an expired marker.
    expire(&database, "a").await;
    assert_eq!(backend.marker("a").await.unwrap(), None);
    create(&backend, "a", r#"{"n":4}"#).await;
    assert_eq!(stored(&backend, "a").await.as_deref(), Some(r#"{"n":4}"#));
}

async fn a_write_by_another_program_changes_the_version(database: Database) {
    let backend = database.backend();
    let version = create(&backend, "a", r#"{"n":1}"#).await;
    database.ask(r#"UPDATE {t} SET value = '{"n": 7}' WHERE session_key = 'a'"#).await;
    let replaced = backend.replace(Replace::new("a", &map("{}"), HOUR, &version)).await.unwrap();
    let WriteOutcome::Conflict(Some(current)) = replaced else { panic!("{replaced:?}") };
    assert_eq!(current.session.as_json(), r#"{"n": 7}"#);
    let replaced = backend.replace(Replace::new("a", &map("{}"), HOUR, &current.version)).await.unwrap();
    assert!(matches!(replaced, WriteOutcome::Done(_)), "{replaced:?}");
}

async fn a_session_that_another_program_inserts_is_read_and_written(database: Database) {
    let backend = database.backend();
    let future = database.future();
    let insert = format!(r#"INSERT INTO {{t}} (session_key, value, expires_at) VALUES ('a', '{{"n": 1}}', {future})"#);
    database.ask(&insert).await;
    let fetched = backend.fetch("a").await.unwrap().unwrap();
    assert_eq!(fetched.session.as_json(), r#"{"n": 1}"#);
    let replaced = backend.replace(Replace::new("a", &map(r#"{"n":2}"#), HOUR, &fetched.version)).await.unwrap();
    assert!(matches!(replaced, WriteOutcome::Done(_)), "{replaced:?}");
    assert_eq!(database.ask("SELECT value FROM {t} WHERE session_key = 'a'").await, [r#"{"n":2}"#]);
}

async fn an_unreadable_value_is_corrupt_and_can_be_removed(database: Database) {
    let backend = database.backend();
    for value in ["'no json'", "NULL"] {
        let version = create(&backend, "a", "{}").await;
        database.ask(&format!("UPDATE {{t}} SET value = {value} WHERE session_key = 'a'")).await;
        assert_eq!(backend.fetch("a").await.unwrap_err().kind(), BackendErrorKind::Corrupt);
        let replaced = backend.replace(Replace::new("a", &map("{}"), HOUR, &version)).await;
        assert_eq!(replaced.unwrap_err().kind(), BackendErrorKind::Corrupt);
        let removed = backend.remove(Remove::new("a")).await.unwrap();
        assert!(matches!(removed, WriteOutcome::Done(())), "{removed:?}");
        expire(&database, "a").await;
    }
}

async fn values_come_back_byte_for_byte(database: Database) {
    let backend = database.backend();
    let odd = [
        r#"{"a":1.0,"b":1e400,"c":NaN,"\u0000":"\u0000\ud800","a":2}"#.to_owned(),
        "{ \"white\" :\t[ 1 ,\r\n2 ] }  ".to_owned(),
        "{\"ä\":\"€ 😀 \u{202e}\",\"%\":\"'\\\"\\\\\"}".to_owned(),
        format!(r#"{{"long":"{}"}}"#, "x😀".repeat(50_000)),
    ];
    for (n, text) in odd.iter().enumerate() {
        let key = format!("k{n}");
        let version = create(&backend, &key, text).await;
        assert_eq!(stored(&backend, &key).await.as_ref(), Some(text));
        let replaced = backend.replace(Replace::new(&key, &map(&odd[3 - n]), HOUR, &version)).await.unwrap();
        assert!(matches!(replaced, WriteOutcome::Done(_)), "{replaced:?}");
        assert_eq!(stored(&backend, &key).await.as_ref(), Some(&odd[3 - n]));
    }
}

async fn a_value_beyond_the_limit_is_too_large(database: Database) {
    let small = database.builder().max_value_bytes(10).connect(&database.url()).unwrap();
    let long = map(r#"{"n":12345}"#);
    let refused = small.create(Create::new("a", &long, HOUR)).await.unwrap_err();
    assert_eq!(refused.kind(), BackendErrorKind::TooLarge);
    create(&database.backend(), "a", r#"{"n":12345}"#).await;
    assert_eq!(small.fetch("a").await.unwrap_err().kind(), BackendErrorKind::TooLarge);
    let foreign = Version::from_bytes(b"x").unwrap();
    let refused = small.replace(Replace::new("a", &map("{}"), HOUR, &foreign)).await.unwrap_err();
    assert_eq!(refused.kind(), BackendErrorKind::TooLarge);
}

async fn a_table_without_schema_or_version_is_an_error_that_says_so(database: Database) {
    let none = database.builder().table("missing").unwrap().connect(&database.url()).unwrap();
    let error = none.check().await.unwrap_err();
    assert!(cause(&error).contains("the table is missing"));

    database.ask("UPDATE {t} SET marker = 'schema 9' WHERE session_key = '(schema)'").await;
    let backend = database.backend();
    for error in [backend.check().await.unwrap_err(), backend.create_table().await.unwrap_err()] {
        assert_eq!(cause(&error), "the table has schema 9, and this version of session-sql needs schema 1");
    }
}

async fn a_users_sessions_are_found_and_ended_by_plain_statements(database: Database) {
    let backend = database.backend();
    let value = map("{}");
    for (key, user) in [("a", Some("session:ann")), ("b", Some("session:bob")), ("c", Some("session:ann")), ("d", None)]
    {
        backend.create(Create::new(key, &value, HOUR).of_user(user)).await.unwrap();
    }
    let found = database.ask("SELECT session_key FROM {t} WHERE user_id = 'session:ann' ORDER BY session_key").await;
    assert_eq!(found, ["a", "c"]);
    let set = format!("value = NULL, marker = 'destroyed', user_id = NULL, expires_at = {}", database.future());
    database.ask(&format!("UPDATE {{t}} SET {set} WHERE user_id = 'session:ann' AND marker IS NULL")).await;
    let index = backend.user_index().unwrap();
    assert_eq!(index.sessions("session:ann").await.unwrap().len(), 0);
    assert_eq!(index.sessions("session:bob").await.unwrap().len(), 1);
    assert_eq!(backend.marker("c").await.unwrap(), Some(Marker::Destroyed));
    assert_eq!(index.count("").await.unwrap(), 2);
}
