//! Keys that would break the protocol never reach the wire.

use session_core::{Applied, AtomicBackend, BackendErrorKind, Create, Remove, Replace, Rotate, Touch, Version};
use session_memcache::MemcacheBackend;

use crate::support::{Fake, LONG, PlainCalls, Server, backend, map, version};

const BAD: [&str; 12] = [
    "",
    " ",
    "a b",
    "get other",
    "a\r\nset b 0 0 1\r\nx",
    "a\n",
    "\r\n",
    "a\0b",
    "a\t",
    "\u{7f}",
    "é",
    // The longest is 250 bytes.
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\
     0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\
     012345678901234567890123456789012345678901234567890",
];

#[tokio::test]
async fn no_operation_sends_a_bad_key() {
    assert_eq!(BAD[11].len(), 251);
    let fake = Fake::start(&[&[]]).await;
    let backend = MemcacheBackend::new([fake.address()]).unwrap();
    let (value, at) = (map(r#"{"flush_all\r\n":"flush_all\r\n"}"#), Version::from([0; 32]));
    let rotation = |old, new| Rotate::new(old, new, &value, LONG, &at);
    for key in BAD {
        let errors = [
            backend.fetch(key).await.unwrap_err(),
            backend.create(Create::new(key, &value, LONG)).await.unwrap_err(),
            backend.replace(Replace::new(key, &value, LONG, &at)).await.unwrap_err(),
            backend.remove(Remove::new(key)).await.unwrap_err(),
            backend.remove(Remove::new(key).at(&at)).await.unwrap_err(),
            backend.touch(Touch::new(key, LONG)).await.unwrap_err(),
            backend.marker(key).await.unwrap_err(),
            backend.rotate(rotation(key, "new")).await.unwrap_err(),
            backend.rotate(rotation("old", key)).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!((error.kind(), error.applied()), (BackendErrorKind::Other, Applied::No), "{key:?}");
            let source = std::error::Error::source(&error).expect("it says what is wrong").to_string();
            assert!(key.len() < 2 || !source.contains(key), "{source}");
        }
    }
    assert_eq!(fake.received(), Vec::<String>::new(), "nothing was even connected to");
}

#[tokio::test]
async fn values_that_look_like_commands_are_values() {
    let server = Server::start();
    let backend = backend(&server);
    backend.set("other", &map("{}"), LONG).await.unwrap();
    for json in [r#"{"a":"\r\nflush_all\r\n"}"#, "{\r\n\"a\":1}\r\n", "{}\r\nflush_all\r\n"] {
        let Ok(value) = session_core::SessionMap::from_json(json) else { continue };
        backend.set("key", &value, LONG).await.unwrap();
        assert_eq!(backend.get("key").await.unwrap().map(|found| found.into_json()).as_deref(), Some(json));
    }
    assert!(backend.get("other").await.unwrap().is_some());
}

#[tokio::test]
async fn a_key_of_250_bytes_is_a_good_one_for_every_operation() {
    let server = Server::start();
    let backend = backend(&server);
    let (old, new, value) = ("o".repeat(250), "n".repeat(250), map(r#"{"n":1}"#));
    let at = version(backend.create(Create::new(&old, &value, LONG)).await.unwrap());
    let rotation = Rotate::new(&old, &new, &value, LONG, &at);
    backend.rotate(rotation).await.unwrap();
    let marker = backend.marker(&old).await.unwrap();
    assert_eq!(marker, Some(session_core::Marker::Renewed { successor: new.as_str().into() }));
    assert!(backend.touch(Touch::new(&new, LONG)).await.unwrap());
    backend.delete(&new).await.unwrap();
    assert_eq!(backend.get(&new).await.unwrap(), None);
}
