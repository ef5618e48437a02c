//! The transports to a server.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use session_core::{AtomicBackend, BackendErrorKind, Remove, Replace};
use session_redis::{RedisBackend, RedisConfigError};

use crate::support::{HOUR, Server, allow_user, create, map, stored};

pub(crate) async fn assert_works(backend: &RedisBackend) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // A removed key is refused for a minute.
    let key = &format!("session:{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let version = create(backend, key, r#"{"a":1}"#).await;
    backend.replace(Replace::new(key, &map(r#"{"a":2}"#), HOUR, &version)).await.expect("it works without an outage");
    assert_eq!(stored(backend, key).await.as_deref(), Some(r#"{"a":2}"#));
    backend.remove(Remove::new(key)).await.expect("it works without an outage");
}

#[tokio::test]
async fn a_wrong_password_is_an_outage() {
    let server = Server::start_with_password("open sesame", &[]);
    let url = |credentials: &str| format!("redis://{credentials}127.0.0.1:{}", server.port);
    assert_works(&RedisBackend::connect(&url(":open%20sesame@")).unwrap()).await;
    for wrong in ["", ":guess@", "stranger:open%20sesame@"] {
        let backend = RedisBackend::connect(&url(wrong)).unwrap();
        let error = backend.fetch("session:a").await.unwrap_err();
        assert!(matches!(error.kind(), BackendErrorKind::Unavailable | BackendErrorKind::Timeout), "{wrong}");
        assert!(!format!("{backend:?} {error:?} {error}").contains("guess"));
    }
}

#[tokio::test]
async fn the_documented_permissions_suffice() {
    let server = Server::start_with_password("root", &[]);
    allow_user(&server, "web", &[]);
    let backend = RedisBackend::connect(&format!("redis://web:web@127.0.0.1:{}", server.port)).unwrap();
    assert_works(&backend).await;
    let error = backend.fetch("other").await.unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::Refused);
}

#[tokio::test]
async fn database_0_needs_no_permission_to_select_it() {
    let server = Server::start_with_password("root", &[]);
    allow_user(&server, "web", &[]);
    let url = format!("redis://web:web@127.0.0.1:{}", server.port);
    assert_works(&RedisBackend::connect(&format!("{url}/0")).unwrap()).await;
    allow_user(&server, "web", &["+select"]);
    assert_works(&RedisBackend::connect(&format!("{url}/3")).unwrap()).await;
}

#[tokio::test]
async fn a_database_of_the_url_is_selected() {
    let server = Server::start(&[]);
    for (n, database) in ["/3", "?db=3"].into_iter().enumerate() {
        let backend = RedisBackend::connect(&[&server.url(), database].concat()).unwrap();
        create(&backend, &format!("session:{n}"), "{}").await;
    }
    assert!(server.ask(&["INFO", "keyspace"])[0].contains("db3:keys=2"));
}

#[tokio::test]
async fn the_longest_timeout_is_taken() {
    let server = Server::start(&[]);
    assert_works(&RedisBackend::builder().timeout(Duration::MAX).connect(&server.url()).unwrap()).await;
}

#[tokio::test]
async fn a_timeout_of_the_url_bounds_calls() {
    let server = Server::start(&[]);
    let backend = RedisBackend::connect(&format!("{}?timeout=0.05", server.url())).unwrap();
    create(&backend, "session:a", "{}").await;
    assert_eq!(backend.call_timeout(), Some(Duration::from_millis(60)));
    server.pause();
    let start = Instant::now();
    assert_eq!(backend.fetch("session:a").await.unwrap_err().kind(), BackendErrorKind::Timeout);
    assert!(start.elapsed() < Duration::from_millis(200), "{:?}", start.elapsed());
    server.resume();
}

#[tokio::test]
async fn a_unix_socket_works() {
    let server = Server::start(&["--unixsocket", "redis.sock"]);
    let path = server.folder().join("redis.sock");
    let backend = RedisBackend::connect(&format!("redis+unix://{}", path.display())).unwrap();
    assert_works(&backend).await;
    server.ask(&["CONFIG", "SET", "requirepass", "open sesame"]);
    let url = format!("redis+unix://:open%20sesame@localhost{}?db=3", path.display());
    assert_works(&RedisBackend::connect(&url).unwrap()).await;
}

#[test]
fn unusable_urls_are_refused_and_not_quoted() {
    for url in ["", "redis", "http://localhost", "redis-foo://localhost", "rediss+unix:///tmp/x", "redis://:pw@"] {
        let error = RedisBackend::connect(url).expect_err(url);
        assert_eq!(error, RedisConfigError::Url, "{url}");
        assert!(!error.to_string().contains("pw"));
    }
    for url in ["redis://localhost", "valkey://localhost/2", "redis-cluster://a:1?node=b:2", "redis+unix:///tmp/x"] {
        RedisBackend::connect(url).expect(url);
    }
}

#[cfg(not(feature = "tls"))]
#[test]
fn a_url_with_tls_is_refused_where_tls_is_not_compiled() {
    let error = RedisBackend::connect("rediss://localhost").unwrap_err();
    assert_eq!(error, RedisConfigError::TlsNotCompiled);
}

#[cfg(feature = "tls")]
mod tls;
