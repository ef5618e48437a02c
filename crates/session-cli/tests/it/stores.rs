//! The commands on a store, with real servers.

use std::time::Duration;

use serde_json::Value;
use session_core::{Backend, SessionConfigBuilder, SessionManager};
use session_test_support::{Browser, MariaDbServer, MemcachedServer, PostgresServer, RedisServer, free_port};

use crate::support::{Output, file, session, text};

fn manager(backend: impl Into<Backend>) -> SessionManager {
    let config = SessionConfigBuilder::development("session").backend(backend).request_deadline(Duration::from_secs(5));
    SessionManager::new(config.build().unwrap())
}

/// Stores a visitor's session and two of ann's. Returns their ids.
async fn fill(backend: impl Into<Backend>) -> Vec<String> {
    let manager = manager(backend);
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

    assert_eq!(on(url, &["ls", "--limit", "0"]).code, 2);

    let visitor = listed.iter().find(|line| !line.contains("ann")).unwrap();
    let fingerprint = visitor.split(' ').next().unwrap();
    let capitals = fingerprint.to_uppercase();
    let shown: Value = serde_json::from_str(&on(url, &["show", &capitals, "--json"]).stdout).unwrap();
    assert_eq!((&shown["data"], &shown["id"]), (&"{\"secret_plan\":7}".into(), &Value::Null), "{shown}");
    assert!(on(url, &["show", fingerprint]).stdout.contains("\n  \"secret_plan\": 7\n"));
    assert_eq!(lines(&on(url, &["rm", fingerprint])), ["Removed."]);
    let gone = on(url, &["rm", fingerprint]);
    assert_eq!(gone.code, 1);
    assert_eq!(gone.stderr, format!("The store has no session with the fingerprint {fingerprint}.\n"));

    let signed_in = lines(&on(url, &["user", "list", "ann"]));
    assert_eq!(signed_in.len(), 2);
    assert!(signed_in[0].contains("device=\"laptop\""), "{signed_in:?}");
    let reference = signed_in[0].split(' ').next().unwrap();
    assert_eq!(lines(&on(url, &["user", "revoke", "ann", "--session", reference])), ["Revoked."]);
    assert_eq!(on(url, &["user", "revoke", "ann", "--session", reference]).code, 1);
    assert_eq!(lines(&on(url, &["user", "revoke", "ann", "--all"])), ["Sessions revoked: 1."]);
    assert_eq!(lines(&on(url, &["count"])), ["0"]);
    for (how_many, said) in
        [(&[][..], "<--session <REFERENCE>|--all>"), (&["--all", "--session", reference], "cannot be used with")]
    {
        let refused = on(url, &[&["user", "revoke", "ann"], how_many].concat());
        assert!(refused.code == 2 && refused.stderr.contains(said), "{}", refused.stderr);
    }

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

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_tells_which_way_a_servers_clock_is_wrong() {
    let mut redis = RedisServer::new(free_port(), &[]);
    redis.set_clock(3600);
    redis.run();
    let mut postgres = PostgresServer::new(&[]);
    postgres.set_clock(-3600);
    postgres.run();
    let mut memcached = MemcachedServer::start();
    memcached.kill();
    memcached.set_clock(-3600);
    memcached.start_again();
    let backend = session_sql::SqlBackend::builder().timeout(Duration::from_secs(5)).connect(&postgres.url()).unwrap();
    backend.create_table().await.unwrap();

    for (url, way) in [
        (redis.url(), " s ahead of "),
        (postgres.url(), " s behind "),
        (format!("memcache://{}", memcached.address()), " s behind "),
    ] {
        let doctor = on(&url, &["doctor"]);
        let said = doctor.stdout.split_once("PROBLEM clock: the store's clock is ").map(|(_, said)| said);
        let (seconds, rest) = said.and_then(|said| said.split_once(way)).unwrap_or_else(|| panic!("{}", doctor.stdout));
        assert!((3590..=3610).contains(&seconds.parse().unwrap()), "{seconds}");
        assert!(rest.starts_with("this machine's: run NTP on both"), "{rest}");
        assert_eq!(doctor.code, 1);
    }
}

#[test]
fn the_doctor_tells_what_is_wrong_and_how_to_mend_it() {
    let mut server = RedisServer::start(&[]);
    let url = server.url();
    server.kill();
    let doctor = on(&url, &["doctor"]);
    assert_eq!(doctor.code, 1);
    assert!(doctor.stdout.starts_with("PROBLEM connect: session store unavailable"), "{}", doctor.stdout);
    assert!(doctor.stdout.contains("start the server, correct its address"), "{}", doctor.stdout);
    assert!(doctor.stdout.ends_with("ok      warnings\n"), "the failure is told once: {}", doctor.stdout);

    let locked = RedisServer::start_with_password("letmein", &[]);
    let doctor = on(&format!("redis://:wrong@127.0.0.1:{}", locked.port), &["doctor"]);
    assert_eq!(doctor.code, 1);
    assert!(!doctor.stdout.contains("wrong@") && doctor.stdout.starts_with("PROBLEM connect: "), "{}", doctor.stdout);

    let path = file(None);
    for url in [format!("sqlite:{}", text(&path)), format!("sqlite:{}?cache=private", text(&path))] {
        let doctor = on(&url, &["doctor"]);
        assert_eq!(doctor.code, 1);
        assert!(doctor.stdout.starts_with("PROBLEM connect: "), "{}", doctor.stdout);
        assert!(!path.exists(), "no file is created: {url}");
    }
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
    assert!(doctor.stdout.contains("ok      clock\n"), "{}", doctor.stdout);
}

#[test]
fn an_unknown_store_is_named_without_its_url() {
    for (url, said) in [
        ("oracle://scott:tiger@db", "session: no store of the kind `oracle` is known: a URL begins with `redis:`, "),
        ("tiger", "session: the URL of the store has no scheme, such as `redis:` "),
    ] {
        let output = on(url, &["count"]);
        assert_eq!((output.code, output.stdout.as_str()), (3, ""));
        assert!(output.stderr.starts_with(said) && !output.stderr.contains("tiger"), "{}", output.stderr);
    }
}

#[test]
fn urls_of_redis_have_the_same_schemes_as_in_the_service() {
    let server = RedisServer::start(&["--unixsocket", "redis.sock"]);
    let (address, socket) = (format!("127.0.0.1:{}", server.port), server.folder().join("redis.sock"));
    for (scheme, place) in [("valkey", &*address), ("redis+unix", text(&socket)), ("valkey+unix", text(&socket))] {
        let output = on(&format!("{scheme}://{place}"), &["count"]);
        assert_eq!((output.code, output.stdout.as_str()), (0, "0\n"), "{scheme}: {}", output.stderr);
    }
    for scheme in ["valkey-sentinel", "valkey-cluster", "valkeys-cluster"] {
        let output = on(&format!("{scheme}://127.0.0.1:1"), &["count"]);
        assert!(!output.stderr.contains("is known"), "{}", output.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inspection_asks_the_store_for_the_session() {
    let mut server = RedisServer::start(&[]);
    let url = server.url();
    let ids = fill(session_redis::RedisBackend::connect(&url).unwrap()).await;
    let keys = file(Some("q7Zt0mXr3vB9cN5yL1kW8sD4fG6hJ2pA"));
    let inspect = |id: &str| {
        let token = session(&["sign", "--secret-file", text(&keys)], &format!("{{\"_cssid\":\"{id}\"}}")).stdout;
        on(&url, &["inspect", "--secret-file", text(&keys), "--json", token.trim()])
    };
    let cause = |id: &str| serde_json::from_str::<Value>(&inspect(id).stdout).unwrap()["cause"].clone();

    let found = inspect(&ids[0]);
    assert!(found.code == 0 && found.stdout.contains("The store has the session."), "{}", found.stdout);
    let fingerprint = lines(&on(&url, &["ls"])).iter().find(|line| !line.contains("ann")).unwrap()[..8].to_owned();
    assert_eq!(on(&url, &["rm", &fingerprint]).code, 0);
    assert_eq!(cause(&ids[0]), "destroyed");
    assert_eq!(inspect(&ids[0]).code, 1);
    assert_eq!(cause("697a5ae2-203d-4c23-8e51-cb1b5c8a89a6"), "unknown-id");
    server.ask(&["SET", &format!("session:{}", ids[1]), "no session"]);
    assert_eq!(cause(&ids[1]), "unreadable");

    let manager = manager(session_redis::RedisBackend::connect(&url).unwrap());
    let mut browser = Browser::default();
    browser.request(&manager, |session| session.insert("n", 1).unwrap()).await;
    let old = browser.load(&manager).await.1.id().unwrap();
    browser.request(&manager, |session| session.renew().unwrap()).await;
    assert_eq!(cause(old.as_str()), "renewed");

    server.kill();
    assert_eq!(cause(&ids[1]), "store-failed");
    std::fs::remove_file(keys).unwrap();
}

#[test]
fn a_fingerprint_of_another_form_is_refused_and_not_repeated() {
    for wrong in ["", "abc", "0123456789", "aoIpqh3r", "JoQc1XelN7zDxaferFnyZg"] {
        for command in ["show", "rm"] {
            let output = on("sqlite:none", &[command, wrong]);
            assert_eq!((output.code, output.stdout.as_str()), (3, ""), "{wrong}");
            let rule = "session: a fingerprint has 8 hexadecimal digits, as `ls` prints it; give at least the first 4 of them.\n";
            assert_eq!(output.stderr, rule, "{wrong}");
        }
    }
}
