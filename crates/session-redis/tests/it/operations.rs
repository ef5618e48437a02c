//! The advice to operators in the crate's documentation.

use std::time::Duration;

use fred::clients::Client;
use fred::interfaces::ClientLike;
use fred::types::{ClusterHash, CustomCommand, Value};
use session_core::{AtomicBackend, BackendErrorKind, Create, Remove, Replace};

use crate::support::{Browser, HOUR, Server, client, create, manager, map, patient, stored, until, wait_for};

/// To repeat it: `cargo test -p session-redis --test it -- --nocapture memory`.
#[tokio::test]
async fn a_session_takes_about_the_memory_that_is_documented() {
    const SESSIONS: u64 = 10_000;
    let server = Server::start(&[]);
    let backend = patient(&server.url());
    let used = || -> u64 {
        let facts = server.ask(&["INFO", "memory"]).remove(0);
        facts.lines().find_map(|line| line.strip_prefix("used_memory:")?.parse().ok()).unwrap()
    };
    let json = format!(r#"{{"user":"ann","text":"{}"}}"#, "x".repeat(176));
    assert_eq!(json.len(), 200);
    create(&backend, "session:-", &json).await;
    let before = used();
    for n in 0..SESSIONS {
        // As long as a key with an id of this library.
        create(&backend, &format!("session:{n:022}"), &json).await;
    }
    let each = (used() - before) / SESSIONS;
    println!("a session of 200 bytes takes {each} bytes");
    assert!((250..500).contains(&each), "{each}");
}

#[tokio::test]
async fn evicted_sessions_begin_anew() {
    for policy in ["allkeys-lru", "volatile-ttl"] {
        let server = Server::start(&["--maxmemory-policy", policy]);
        let backend = patient(&server.url());
        let (manager, mut browser) = (manager(backend.clone()), Browser::default());
        browser.request(&manager, |session| session.insert("n", 1).unwrap()).await;
        let key = server.ask(&["KEYS", "session:*"]).remove(0);
        // It expires sooner than others, so a policy that looks at the expiry evicts it first.
        server.ask(&["EXPIRE", &key, "100"]);
        server.ask(&["CONFIG", "SET", "maxmemory", "3mb"]);
        let json = format!(r#"{{"text":"{}"}}"#, "x".repeat(10_000));
        let mut others = 0;
        while server.ask(&["EXISTS", &key]) == ["1"] {
            create(&backend, &format!("session:{others}"), &json).await;
            others += 1;
            assert!(others < 100_000, "{policy} evicts nothing");
        }
        assert_eq!(browser.see(&manager, "n").await, None, "{policy}");
        browser.request(&manager, |session| session.insert("n", 2).unwrap()).await;
        assert_eq!(browser.see(&manager, "n").await, Some(2), "{policy}");
    }
}

#[tokio::test]
async fn wait_tells_if_a_replica_has_the_saved_session() {
    let primary = Server::start(&[]);
    let replica = Server::start(&["--replicaof", "127.0.0.1", &primary.port.to_string()]);
    wait_for("the replica to follow", || replica.follows());
    let (backend, client) = (patient(&primary.url()), client(&primary).await);
    create(&backend, "session:a", "{}").await;
    assert_eq!(replicas(&client, 10_000).await, 1);
    assert_eq!(replica.ask(&["GET", "session:a"]), ["{}"]);

    replica.pause();
    create(&backend, "session:b", "{}").await;
    assert_eq!(replicas(&client, 100).await, 0);
    // A separate client waits, and sessions don't.
    let (waited, read) = tokio::join!(replicas(&client, 2_000), async {
        assert_eq!(stored(&backend, "session:b").await.as_deref(), Some("{}"));
        std::time::Instant::now()
    });
    assert!(read.elapsed() > Duration::from_millis(500), "it was read while the other waited");
    assert_eq!(waited, 0);
    replica.resume();
    assert_eq!(replicas(&client, 10_000).await, 1);
    assert_eq!(replica.ask(&["GET", "session:b"]), ["{}"]);
}

/// Returns the number of replicas that have all acknowledged writes. They get writes in their order.
async fn replicas(client: &Client, milliseconds: i64) -> i64 {
    let ask = async |name, arguments: Vec<Value>| -> Value {
        let command = CustomCommand::new_static(name, ClusterHash::FirstKey, false);
        client.custom(command, arguments).await.expect("the server answers")
    };
    // WAIT covers the writes of its own connection, and all writes before them.
    ask("SET", vec!["wait".into(), "".into(), "EX".into(), 1.into()]).await;
    ask("WAIT", vec![1.into(), milliseconds.into()]).await.as_i64().expect("it is a number")
}

#[tokio::test]
async fn a_primary_without_replicas_refuses_writes_where_it_is_configured_so() {
    let primary = Server::start(&[]);
    let mut replica = Server::start(&["--replicaof", "127.0.0.1", &primary.port.to_string()]);
    wait_for("the replica to follow", || replica.follows());
    let backend = patient(&primary.url());
    let version = create(&backend, "session:a", "{}").await;
    primary.ask(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    primary.ask(&["CONFIG", "SET", "min-replicas-max-lag", "1"]);
    replica.kill();
    let refuses = || async {
        let outcome = backend.replace(Replace::new("session:a", &map("{}"), HOUR, &version)).await;
        outcome.is_err_and(|error| error.kind() == BackendErrorKind::Refused)
    };
    until("the refusal", Duration::from_secs(30), refuses).await;
    let created = backend.create(Create::new("session:b", &map("{}"), HOUR)).await;
    assert_eq!(created.unwrap_err().kind(), BackendErrorKind::Refused);
    let removed = backend.remove(Remove::new("session:a")).await;
    assert_eq!(removed.unwrap_err().kind(), BackendErrorKind::Refused, "not even a logout");
    assert_eq!(stored(&backend, "session:a").await.as_deref(), Some("{}"));
}

#[tokio::test]
async fn a_server_that_can_not_save_refuses_writes() {
    let server = Server::start(&[]);
    let backend = patient(&server.url());
    let version = create(&backend, "session:a", "{}").await;
    // The server can't replace a folder by a file.
    std::fs::create_dir(server.folder().join("dump.rdb")).unwrap();
    server.ask(&["CONFIG", "SET", "save", "3600 1000000"]);
    server.ask(&["BGSAVE"]);
    wait_for("the failure", || server.ask(&["INFO", "persistence"])[0].contains("rdb_last_bgsave_status:err"));
    let refused = backend.replace(Replace::new("session:a", &map("{}"), HOUR, &version)).await;
    assert_eq!(refused.unwrap_err().kind(), BackendErrorKind::Refused);
    let refused = backend.create(Create::new("session:b", &map("{}"), HOUR)).await;
    assert_eq!(refused.unwrap_err().kind(), BackendErrorKind::Refused);
    assert_eq!(stored(&backend, "session:a").await.as_deref(), Some("{}"));
}
