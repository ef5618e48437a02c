//! The codec of a configuration's format, which the backend takes.

use session_core::format::AcceptedFormat;
use session_core::{Backend, ConfigError, JsonCodec, SessionConfig, SessionConfigBuilder, SessionManager};
use session_redis::RedisBackend;
use session_test_support::Neighbour;

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
