//! The codec of a configuration's format, which the backend takes.

use std::sync::Arc;
use std::time::Duration;

use session_core::format::AcceptedFormat;
use session_core::{
    AtomicBackend, Backend, BackendErrorKind, ConfigError, Create, JsonCodec, SessionConfig, SessionConfigBuilder,
    SessionManager, WriteOutcome,
};
use session_redis::RedisBackend;
use session_test_support::{HOUR, Neighbour, map};
use session_testkit::Probe;

use crate::semantics::Marked;
use crate::support::{Browser, SECRET, Server, config, manager};

fn accepted(backend: RedisBackend) -> AcceptedFormat {
    AcceptedFormat::new(Neighbour::new(Marked), "another key, of the neighbour, long enough", "id").backend(backend)
}

fn built(builder: SessionConfigBuilder) -> SessionManager {
    SessionManager::new(builder.build().expect("the configuration is good"))
}

#[tokio::test]
async fn a_format_alone_sets_keys_and_values_in_the_store() {
    let server = Server::start(&[]);
    // One connection serves both.
    let backend = RedisBackend::connect(&server.url()).unwrap();
    let shared = built(config(backend.clone()).format(Neighbour::new(Marked)));
    for (manager, pattern, value) in
        [(shared, "neighbour:*", r#"marked {"user":7}"#), (manager(backend), "session:*", r#"{"user":7}"#)]
    {
        let mut browser = Browser::default();
        browser.request(&manager, |session| session.insert("user", 7).unwrap()).await;
        let keys = server.ask(&["KEYS", pattern]);
        assert_eq!(server.ask(&["GET", &keys[0]]), [value]);
        assert_eq!(browser.see(&manager, "user").await, Some(7));
    }
}

#[test]
fn a_backend_with_a_codec_of_its_own_is_refused() {
    let with_codec = || RedisBackend::builder().codec(JsonCodec).connect("redis://localhost").unwrap();
    let without = || RedisBackend::connect("redis://localhost").unwrap();
    let refusal = Some(ConfigError::CodecAlreadySet { format: "neighbour" });
    assert_eq!(config(with_codec()).format(Neighbour::new(Marked)).build().err(), refusal);
    assert_eq!(config(without()).accept_format(accepted(with_codec())).build().err(), refusal);
    assert!(config(with_codec()).accept_format(accepted(without())).build().is_ok());
}

#[test]
fn a_backend_that_wraps_another_passes_the_codec_on() {
    let with_codec = || RedisBackend::builder().codec(JsonCodec).connect("redis://localhost").unwrap();
    let refusal = Some(ConfigError::CodecAlreadySet { format: "neighbour" });
    for wrapped in [Backend::atomic(Arc::new(with_codec())), Backend::atomic(Probe::new().watch(with_codec()))] {
        let config = SessionConfig::builder(SECRET, "session").backend(wrapped).format(Neighbour::new(Marked));
        assert_eq!(config.build().err(), refusal);
    }
}

#[tokio::test]
async fn the_limits_of_a_backend_hold_with_the_codec_of_a_format() {
    let server = Server::start(&[]);
    let builder = RedisBackend::builder().timeout(Duration::from_secs(7)).max_value_bytes(20);
    let backend = builder.connect(&server.url()).unwrap();
    let with_codec = backend.with_codec(Arc::new(Marked)).expect("it has none");
    assert_eq!(with_codec.call_timeout(), backend.call_timeout());
    let create = async |json: &str| with_codec.create(Create::new("key", &map(json), HOUR)).await;
    assert_eq!(create(r#"{"a":"too long"}"#).await.unwrap_err().kind(), BackendErrorKind::TooLarge);
    assert!(matches!(create(r#"{"a":1}"#).await, Ok(WriteOutcome::Done(_))));
}

#[tokio::test]
async fn two_layers_of_one_format_and_store_share_the_session() {
    let backend = Backend::from(RedisBackend::connect("redis://localhost").unwrap());
    let layer =
        || built(SessionConfig::builder(SECRET, "session").backend(backend.clone()).format(Neighbour::new(Marked)));
    let outer = layer().open([]);
    let inner = layer().open_within(outer.clone(), []);
    inner.load().await.unwrap().insert("user", 7).unwrap();
    assert_eq!(outer.load().await.unwrap().get("user").unwrap(), Some(7));
}
