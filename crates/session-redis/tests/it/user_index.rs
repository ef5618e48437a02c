//! The index of sessions by user.

use std::time::Duration;

use session_core::{
    AtomicBackend, Create, OnSessionLimit, Refresh, Replace, Rotate, Session, SessionManager, Touch, UserIndex,
    WriteOutcome,
};
use session_redis::RedisBackend;
use session_testkit::TestClock;

use crate::support::{
    Browser, Cluster, HOUR, Log, REMEMBER, Server, allow_user, config, forget_calls, manager, map, patient, sent, until,
};

const USER: &str = "session:user:ann";

fn sign_in(session: &Session) {
    session.sign_in("ann").expect("the response has not begun");
}

fn calls(server: &Server) -> String {
    let calls = sent(server);
    forget_calls(server);
    calls.into_iter().map(|(name, calls)| format!("{name} {calls}")).collect::<Vec<_>>().join(", ")
}

/// Creates a session of the user, straight in the store.
async fn create(backend: &RedisBackend, key: &str, ttl: Duration) {
    let session = map(r#"{"n":1}"#);
    let outcome = backend.create(Create::new(key, &session, ttl).of_user(Some(USER))).await;
    assert!(matches!(outcome, Ok(WriteOutcome::Done(_))), "{outcome:?}");
}

#[tokio::test]
async fn signing_in_costs_no_more_round_trips_than_a_renewal_and_a_listing_costs_two() {
    let server = Server::start(REMEMBER);
    let manager = manager(RedisBackend::connect(&server.url()).unwrap());
    let mut browser = Browser::default();
    for _ in 0..2 {
        browser = Browser::default();
        browser.request(&manager, |session| session.insert("a", 1).unwrap()).await;
        browser.request(&manager, sign_in).await;
        browser.request(&manager, |session| session.insert("a", 2).unwrap()).await;
        browser.request(&manager, |session| session.renew().unwrap()).await;
        let mut other = Browser::default();
        other.request(&manager, sign_in).await;
        manager.sessions_of("ann").await.unwrap();
        other.request(&manager, Session::sign_out).await;
    }
    let count = async |browser: &mut Browser, work: fn(&Session)| {
        forget_calls(&server);
        browser.request(&manager, work).await;
        calls(&server)
    };
    assert_eq!(count(&mut browser, |session| assert!(session.is_signed_in())).await, "get 1", "read");
    assert_eq!(count(&mut browser, |session| session.insert("a", 3).unwrap()).await, "evalsha 1, get 1", "written");
    assert_eq!(count(&mut browser, sign_in).await, "evalsha 1, get 1", "signed in again");
    assert_eq!(count(&mut browser, |session| session.renew().unwrap()).await, "evalsha 1, get 1", "renewed");
    assert_eq!(count(&mut Browser::default(), sign_in).await, "evalsha 1", "signed in without a session");
    forget_calls(&server);
    assert_eq!(manager.sessions_of("ann").await.unwrap().len(), 3);
    assert_eq!(calls(&server), "evalsha 2", "listed");
    assert_eq!(count(&mut browser, Session::sign_out).await, "evalsha 1, get 1", "signed out");
    assert_eq!(server.ask(&["ZCARD", USER]), ["2"], "its entry is gone at once");
}

#[tokio::test]
async fn a_session_that_a_limit_ends_takes_its_entry_along() {
    let server = Server::start(&[]);
    let backend = RedisBackend::connect(&server.url()).unwrap();
    let clock = TestClock::at(1_700_000_000);
    let limited = config(backend).clock(clock.clone()).max_sessions_per_user(2, OnSessionLimit::DropOldest);
    let manager = SessionManager::new(limited.build().unwrap());
    for _ in 0..4 {
        Browser::default().request(&manager, sign_in).await;
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(server.ask(&["ZCARD", USER]), ["2"]);
}

#[tokio::test]
async fn a_refresh_extends_the_entry_in_the_same_round_trip() {
    let server = Server::start(REMEMBER);
    let backend = RedisBackend::connect(&server.url()).unwrap();
    let config = config(backend).refresh(Refresh::Always).build().unwrap();
    let manager = SessionManager::new(config);
    let mut browser = Browser::default();
    browser.request(&manager, sign_in).await;
    server.ask(&["DEL", USER]);
    browser.request(&manager, |_| ()).await;
    assert_eq!(manager.sessions_of("ann").await.unwrap().len(), 1, "a lost index heals with the next refresh");
    forget_calls(&server);
    browser.request(&manager, |_| ()).await;
    assert_eq!(calls(&server), "evalsha 1, get 1");
}

#[tokio::test]
async fn dead_entries_go_when_the_index_is_read_or_a_user_signs_in() {
    let server = Server::start(&[]);
    let backend = RedisBackend::connect(&server.url()).unwrap();
    for n in 0..3 {
        create(&backend, &format!("session:{n}"), HOUR).await;
    }
    server.ask(&["DEL", "session:0"]);
    assert_eq!(server.ask(&["ZCARD", USER]), ["3"]);
    assert_eq!(backend.sessions(USER).await.unwrap().iter().filter(|entry| entry.stored.is_some()).count(), 2);
    assert_eq!(server.ask(&["ZCARD", USER]), ["2"]);
    server.ask(&["ZADD", USER, "1", "session:long-ago"]);
    create(&backend, "session:3", HOUR).await;
    assert_eq!(server.ask(&["ZCARD", USER]), ["3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_heals_dead_entries_that_no_sign_in_can_be_about_to_use() {
    let cluster = Cluster::start();
    let backend = patient(&cluster.url());
    create(&backend, "session:live", HOUR).await;
    create(&backend, "session:dead", HOUR).await;
    create(&backend, "session:unreadable", HOUR).await;
    let owner = |key| &cluster.primaries()[cluster.owner(cluster.slot(key))];
    owner("session:dead").ask(&["DEL", "session:dead"]);
    owner("session:unreadable").ask(&["SET", "session:unreadable", "x", "KEEPTTL"]);
    let index = owner(USER);
    assert_eq!(backend.sessions(USER).await.unwrap().len(), 3);
    assert_eq!(index.ask(&["ZCARD", USER]), ["3"], "a sign-in could be about to create it");
    for entry in ["session:live", "session:dead", "session:unreadable"] {
        // A score whose fraction is larger by 2 / 2^20 is that of an entry that was made two minutes earlier.
        index.ask(&["ZINCRBY", USER, "0.0000019073486328125", entry]);
    }
    backend.sessions(USER).await.unwrap();
    let mut left = index.ask(&["ZRANGE", USER, "0", "-1"]);
    left.sort_unstable();
    assert_eq!(left, ["session:live", "session:unreadable"]);
}

/// Otherwise the index would miss a session that outlives its entry.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_extends_no_session_whose_entry_it_can_not_extend() {
    let cluster = Cluster::start();
    let backend = patient(&cluster.url());
    let (key, session) = ("session:a", map(r#"{"n":2}"#));
    create(&backend, key, Duration::from_secs(60)).await;
    let version = backend.fetch(key).await.unwrap().expect("the session was created").version;
    let owner = |key| &cluster.primaries()[cluster.owner(cluster.slot(key))];
    // The server refuses every command on this index.
    owner(USER).ask(&["SET", USER, "no index"]);
    assert!(backend.touch(Touch::new(key, HOUR).of_user(Some(USER))).await.is_err());
    let error = backend.replace(Replace::new(key, &session, HOUR, &version).of_user(Some(USER))).await.unwrap_err();
    assert!(!error.may_have_applied(), "{error:?}");
    assert_eq!(backend.fetch(key).await.unwrap().unwrap().version, version);
    assert!(owner(key).ask(&["TTL", key])[0].parse::<u64>().unwrap() <= 60);
    owner(USER).ask(&["DEL", USER]);
    assert!(backend.touch(Touch::new(key, HOUR).of_user(Some(USER))).await.unwrap());
    assert!(!backend.touch(Touch::new("session:gone", HOUR).of_user(Some(USER))).await.unwrap());
    let gone = backend.replace(Replace::new("session:expired", &session, HOUR, &version).of_user(Some(USER))).await;
    assert!(matches!(gone, Ok(WriteOutcome::Gone(None))), "{gone:?}");
    assert_eq!(owner(USER).ask(&["ZRANGE", USER, "0", "-1"]), [key]);
}

#[tokio::test]
async fn an_index_expires_with_the_last_of_its_entries() {
    let server = Server::start(&[]);
    let backend = RedisBackend::connect(&server.url()).unwrap();
    let seconds = || -> u64 {
        let reply = server.ask(&["TTL", USER]);
        reply[0].parse().expect("a number of seconds")
    };
    create(&backend, "session:long", HOUR).await;
    assert!((3600 + 360..=3600 + 420).contains(&seconds()), "{}", seconds());
    create(&backend, "session:short", Duration::from_secs(60)).await;
    assert!((3600 + 300..=3600 + 420).contains(&seconds()), "{}", seconds());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_in_a_cluster_costs_one_call_more_and_a_renewal_two() {
    let cluster = Cluster::start();
    let backend = patient(&cluster.url());
    // From then on every server knows the scripts.
    for n in 0..60 {
        let [old, new, user] = ["old", "new", "user:x"].map(|part| format!("session:{part}{n}"));
        let session = map("{}");
        let create = Create::new(&old, &session, HOUR).of_user(Some(&user));
        let Ok(WriteOutcome::Done(version)) = backend.create(create).await else { panic!("it is not created") };
        let rotate = Rotate::new(&old, &new, &session, HOUR, &version).of_user(Some(&user)).old_user(Some(&user));
        assert!(matches!(backend.rotate(rotate).await, Ok(WriteOutcome::Done(_))));
        assert_eq!(backend.sessions(&user).await.unwrap().len(), 1);
    }
    let refreshing = SessionManager::new(config(backend.clone()).refresh(Refresh::Always).build().unwrap());
    let manager = manager(backend);
    let called = |names: &[&str]| -> u64 {
        let calls = cluster.primaries().iter().flat_map(Server::calls).filter(|(name, _)| names.contains(&&**name));
        calls.map(|(_, count)| count).sum()
    };
    let count = async |browser: &mut Browser, work: fn(&Session)| {
        cluster.primaries().iter().for_each(Server::forget_calls);
        browser.request(&manager, work).await;
        called(&["evalsha"])
    };
    let mut browser = Browser::default();
    assert_eq!(count(&mut browser, sign_in).await, 2, "signed in without a session");
    cluster.primaries().iter().for_each(Server::forget_calls);
    browser.request(&refreshing, |_| ()).await;
    assert_eq!(called(&["get", "expire", "evalsha"]), 3, "refreshed");
    assert_eq!(count(&mut browser, |session| session.insert("a", 1).unwrap()).await, 1, "written");
    assert_eq!(count(&mut browser, |session| session.renew().unwrap()).await, 4, "renewed");
    assert_eq!(manager.sessions_of("ann").await.unwrap().len(), 1);
    let sessions = manager.count().await.unwrap();
    Browser::default().request(&manager, |session| session.insert("a", 1).unwrap()).await;
    assert_eq!(manager.count().await.unwrap(), sessions + 1, "the sessions of all servers");
    assert_eq!(sessions, 61, "those of this test");
    assert_eq!(manager.revoke_all("ann").await.unwrap(), Some(1));
    browser.request(&manager, |session| assert!(!session.is_signed_in())).await;
    assert_eq!(manager.sessions_of("ann").await.unwrap().len(), 0);
}

/// Returns `true` if a client has asked for the eviction policy. The tests' own questions name other sections.
fn asked(server: &Server) -> bool {
    server.ask(&["SLOWLOG", "GET", "-1"]).windows(2).any(|words| words == ["INFO", "memory"])
}

#[tokio::test]
async fn a_server_that_may_evict_the_index_is_warned_about_once() {
    for (options, warns) in [
        (&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"][..], true),
        (&["--maxmemory", "100mb", "--maxmemory-policy", "volatile-ttl"], false),
        (&["--maxmemory-policy", "allkeys-lru"], false),
    ] {
        let server = Server::start(&[REMEMBER, options].concat());
        let manager = manager(RedisBackend::connect(&server.url()).unwrap());
        let log = Log::capture("session_redis");
        Browser::default().request(&manager, |session| session.insert("a", 1).unwrap()).await;
        assert!(!asked(&server), "no user has signed in");
        for _ in 0..2 {
            Browser::default().request(&manager, sign_in).await;
        }
        until("the server to be asked", HOUR, async || asked(&server)).await;
        // A later reply shows that the earlier one has arrived.
        Browser::default().request(&manager, sign_in).await;
        let lines = log.take();
        assert_eq!(lines.iter().filter(|line| line.contains("may evict the index")).count(), usize::from(warns));
    }
}

#[tokio::test]
async fn an_acl_that_refuses_the_question_of_the_policy_is_no_failure() {
    let server = Server::start(&[]);
    let more = ["+zadd", "+zrem", "+zrange", "+zremrangebyscore", "+expireat", "+pttl", "+time"];
    allow_user(&server, "app", &more);
    let manager = manager(RedisBackend::connect(&server.url().replace("://", "://app:app@")).unwrap());
    let log = Log::capture("session_redis");
    Browser::default().request(&manager, sign_in).await;
    let mut lines = Vec::new();
    until("the server to refuse", HOUR, || {
        lines.extend(log.take());
        std::future::ready(lines.iter().any(|line| line.contains("does not tell its eviction policy")))
    })
    .await;
    assert!(lines.iter().all(|line| line.starts_with("DEBUG")), "{lines:?}");
}

/// To repeat it with more: `SESSION_INDEX_SESSIONS=1000000 cargo test -p session-redis --test it -- --nocapture a_million`.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_of_the_index_takes_at_most_120_bytes_also_with_a_million() {
    let sessions = std::env::var("SESSION_INDEX_SESSIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let server = Server::start(REMEMBER);
    let backend = patient(&server.url());
    let map = map(r#"{"n":1}"#);
    let store = async |task: usize| {
        for n in (task..sessions).step_by(64) {
            let (key, user) = (format!("session:{n:022}"), format!("session:user:{}", n / 10));
            let created = backend.create(Create::new(&key, &map, HOUR).of_user(Some(&user))).await;
            assert!(matches!(created, Ok(WriteOutcome::Done(_))), "{created:?}");
        }
    };
    futures_util::future::join_all((0..64).map(store)).await;
    for _ in 0..2 {
        // The server knows the scripts from the first listing.
        forget_calls(&server);
        assert_eq!(backend.sessions("session:user:7").await.unwrap().len(), 10);
    }
    assert_eq!(calls(&server), "evalsha 2");
    let used = || -> usize {
        forget_calls(&server);
        let facts = server.ask(&["INFO", "memory"]).remove(0);
        facts.lines().find_map(|line| line.strip_prefix("used_memory:")?.parse().ok()).unwrap()
    };
    let with_index = used();
    let forget = "for _, key in ipairs(redis.call('KEYS', 'session:user:*')) do redis.call('DEL', key) end";
    server.ask(&["EVAL", forget, "0"]);
    let each = (with_index - used()) / sessions;
    println!("{sessions} sessions: {each} bytes of index each");
    assert!((20..=120).contains(&each), "{each}");
}
