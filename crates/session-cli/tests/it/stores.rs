//! The commands on a store, with real servers.

use std::time::Duration;

use serde_json::Value;
use session_core::{Backend, SessionConfigBuilder, SessionManager};
use session_test_support::{MariaDbServer, MemcachedServer, PostgresServer, RedisServer};

use crate::support::{Output, file, session, text};

/// Stores a visitor's session and two of ann's. Returns their ids.
async fn fill(backend: impl Into<Backend>) -> Vec<String> {
    let config =
        SessionConfigBuilder::development("session").backend(backend.into()).request_deadline(Duration::from_secs(5));
    let manager = SessionManager::new(config.build().unwrap());
    let mut ids = Vec::new();
    for user in [None, Some("ann"), Some("ann")] {
        let handle = manager.open([]);
        let session = handle.load().await.unwrap();
        session.insert("secret_plan", 7).unwrap();
        if let Some(user) = user {
            session.sign_in(user).unwrap();
            session.set_label("device", "laptop").unwrap();
        }
        let commit = handle.commit(200).await;
        assert!(commit.error.is_none(), "{:?}", commit.error);
        ids.push(session.id().unwrap().as_str().to_owned());
    }
    ids
}

fn on(store: &str, arguments: &[&str]) -> Output {
    session(&[arguments, &["--store", store]].concat(), "")
}

fn lines(output: &Output) -> Vec<String> {
    assert_eq!(output.stderr, "");
    output.stdout.lines().map(str::to_owned).collect()
}

/// Walks through all commands.
async fn try_all(url: &str, backend: impl Into<Backend>) {
    let ids = fill(backend).await;
    assert_eq!(lines(&on(url, &["count"])), ["3"], "{url}");
    let listed = lines(&on(url, &["ls"]));
    assert_eq!(listed.len(), 3, "{listed:?}");
    assert!(!ids.iter().any(|id| listed.concat().contains(id)), "ids are masked");
    assert!(listed.iter().all(|line| line.contains("keys: 1  ") && line.contains("expires in 1")), "{listed:?}");
    let of_ann = lines(&on(url, &["ls", "--user", "ann", "--show-ids"]));
    assert_eq!(of_ann.len(), 2);
    assert!(of_ann.iter().all(|line| ids[1..].iter().any(|id| line.starts_with(id.as_str()))), "{of_ann:?}");
    assert_eq!(lines(&on(url, &["ls", "--limit", "1"])).len(), 1);

    let visitor = listed.iter().find(|line| !line.contains("ann")).unwrap();
    let fingerprint = visitor.split(' ').next().unwrap();
    let shown: Value = serde_json::from_str(&on(url, &["show", fingerprint, "--json"]).stdout).unwrap();
    assert_eq!((&shown["data"], &shown["id"]), (&"{\"secret_plan\":7}".into(), &Value::Null), "{shown}");
    assert!(on(url, &["show", fingerprint]).stdout.contains("\n  \"secret_plan\": 7\n"));
    assert_eq!(lines(&on(url, &["rm", fingerprint])), ["Removed."]);
    let gone = on(url, &["rm", fingerprint]);
    assert_eq!(gone.code, 3);
    assert!(gone.stderr.contains("has no session with the fingerprint"), "{}", gone.stderr);

    let signed_in = lines(&on(url, &["user", "list", "ann"]));
    assert_eq!(signed_in.len(), 2);
    assert!(signed_in[0].contains("device=\"laptop\""), "{signed_in:?}");
    let reference = signed_in[0].split(' ').next().unwrap();
    assert_eq!(lines(&on(url, &["user", "revoke", "ann", "--session", reference])), ["Revoked."]);
    assert_eq!(on(url, &["user", "revoke", "ann", "--session", reference]).code, 1);
    assert_eq!(lines(&on(url, &["user", "revoke", "ann", "--all"])), ["Revoked 1 sessions."]);
    assert_eq!(lines(&on(url, &["count"])), ["0"]);
    assert_eq!(on(url, &["user", "revoke", "ann"]).code, 2, "one session or all is asked for");

    let doctor = on(url, &["doctor"]);
    assert_eq!((doctor.code, doctor.stderr.as_str()), (0, ""), "{}", doctor.stdout);
    let names: Vec<_> = doctor.stdout.lines().map(|line| line.strip_prefix("ok").unwrap().trim()).collect();
    let expected = [
        "connect",
        "create",
        "read",
        "write",
        "compare-and-set",
        "delete",
        "read after delete",
        "speed",
        "users",
        "clock",
        "warnings",
    ];
    assert_eq!(names, expected);
    assert_eq!(lines(&on(url, &["count"])), ["0"], "doctor leaves nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_commands_work_on_redis() {
    let server = RedisServer::start(&[]);
    let url = server.url();
    try_all(&url, session_redis::RedisBackend::connect(&url).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_commands_work_on_sqlite() {
    let path = file(None);
    on_sql(&format!("sqlite:{}", text(&path))).await;
    std::fs::remove_file(path).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn all_commands_work_on_postgres_and_mariadb() {
    let (postgres, mariadb) = (PostgresServer::start(&[]), MariaDbServer::start(&[]));
    on_sql(&postgres.url()).await;
    on_sql(&mariadb.url()).await;
}

async fn on_sql(url: &str) {
    let backend = session_sql::SqlBackend::builder().timeout(Duration::from_secs(5)).connect(url).unwrap();
    backend.create_table().await.unwrap();
    try_all(url, backend).await;
}

#[test]
fn the_doctor_warns_of_a_redis_that_evicts() {
    let server = RedisServer::start(&["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"]);
    let doctor = on(&server.url(), &["doctor", "--json"]);
    assert_eq!(doctor.code, 1, "{}", doctor.stdout);
    assert!(doctor.stdout.contains("may evict the index of users"), "{}", doctor.stdout);
}

#[test]
fn the_doctor_tells_what_is_wrong_and_how_to_mend_it() {
    let mut server = RedisServer::start(&[]);
    let url = server.url();
    server.kill();
    let doctor = on(&url, &["doctor"]);
    assert_eq!(doctor.code, 1);
    assert!(doctor.stdout.starts_with("PROBLEM connect: session store unavailable"), "{}", doctor.stdout);
    assert!(doctor.stdout.contains("start the server, or correct host and port"), "{}", doctor.stdout);

    let locked = RedisServer::start_with_password("letmein", &[]);
    let doctor = on(&format!("redis://:wrong@127.0.0.1:{}", locked.port), &["doctor"]);
    assert_eq!(doctor.code, 1);
    assert!(!doctor.stdout.contains("wrong@") && doctor.stdout.starts_with("PROBLEM connect: "), "{}", doctor.stdout);

    let path = file(None);
    let doctor = on(&format!("sqlite:{}", text(&path)), &["doctor"]);
    assert_eq!(doctor.code, 1);
    assert!(doctor.stdout.starts_with("PROBLEM connect: "), "{}", doctor.stdout);
}

#[test]
fn memcached_has_no_list_of_sessions_and_says_so() {
    let server = MemcachedServer::start();
    let url = format!("memcache://{}", server.address());
    let listed = on(&url, &["ls"]);
    assert_eq!((listed.code, listed.stdout.as_str()), (3, ""));
    assert!(listed.stderr.contains("can't list"), "{}", listed.stderr);
    let doctor = on(&url, &["doctor"]);
    assert!(doctor.stdout.contains("ok      compare-and-set\n"), "{}", doctor.stdout);
    assert!(doctor.stdout.contains("PROBLEM users: "), "{}", doctor.stdout);
}

#[test]
fn an_unknown_store_is_named_without_its_url() {
    let output = on("oracle://scott:tiger@db", &["count"]);
    assert_eq!(output.code, 3);
    assert_eq!(output.stderr, "session: this command was not built for stores of the kind `oracle`.\n");
}
