//! Names and attributes of cookies: Python takes any text, line breaks included.

use session_tower::{ConfigError, MemoryBackend, SessionConfig};

use session_tower::session_core::starlette::BackendType;

use crate::support::{App, Browser, COOKIE, Demo, Peer, SECRET, for_each_app};

for_each_app![python_takes_names_and_domains_with_line_breaks,];

const BROKEN: [&str; 4] = ["a\r\nX-Injected: 1", "a\nb", "a\rb", "a; Domain=example.com"];

/// It would also send them, but its HTTP server drops the connection instead.
async fn python_takes_names_and_domains_with_line_breaks(app: App) {
    let domain = format!("--domain={}", BROKEN[0]);
    for (name, options) in [(BROKEN[0], &[][..]), (COOKIE, &[&*domain])] {
        let python = Peer::start(app, SECRET, name, options);
        assert_eq!(Browser::new().get(&python, "/view_session").await.status, 200, "{name:?} {options:?}");
    }
}

#[test]
fn rust_refuses_names_domains_and_paths_with_line_breaks() {
    for text in BROKEN {
        let error = SessionConfig::builder(SECRET, text).build().unwrap_err();
        assert_eq!(error, ConfigError::CookieName { name: text.to_owned() });
        let error = SessionConfig::builder(SECRET, COOKIE).domain(text).build().unwrap_err();
        assert_eq!(error, ConfigError::Domain { domain: text.to_owned() });
        let path = format!("/{text}");
        let error = SessionConfig::builder(SECRET, COOKIE).path(&path).build().unwrap_err();
        assert_eq!(error, ConfigError::Path { path });
    }
}

#[test]
fn the_demo_does_not_start_with_a_configuration_that_is_refused() {
    for text in BROKEN {
        for option in ["--cookie-name", "--domain", "--same-site", "--backend"] {
            let refusal = Demo::refusal(&[&format!("{option}={text}")]);
            assert!(refusal.contains("error: "), "{option} {text:?}: {refusal}");
        }
    }
}

#[test]
fn an_unknown_backend_is_named_and_a_custom_one_needs_no_type() {
    let unknown = "etcd".parse::<BackendType>().unwrap_err();
    assert_eq!(unknown.given, "etcd");
    let custom = SessionConfig::builder(SECRET, COOKIE).backend(MemoryBackend::new()).build().unwrap();
    assert!(!custom.is_cookie_mode());
}
