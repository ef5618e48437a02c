//! Cookies of a domain and a path that were configured before: they go when the cookie is set or removed.

use cookie_store::CookieStore;
use session_core::{Session, SessionConfig, SessionConfigBuilder};
use session_testkit::TestClock;
use url::Url;

use crate::support::{App, Browser, NOW, Step};

const DATA: &str = r#"{"user":"ann"}"#;

/// All configurations that the service had: the last one is the current one.
const PLACES: [(Option<&str>, &str); 3] = [(None, "/"), (Some("example.com"), "/"), (Some("app.example.com"), "/app")];

/// The configuration with one of these places, and the places before as former ones.
fn service(place: usize) -> impl Fn(SessionConfigBuilder) -> SessionConfigBuilder {
    move |mut config| {
        let (domain, path) = PLACES[place];
        config = config.path(path);
        if let Some(domain) = domain {
            config = config.domain(domain);
        }
        PLACES[..place].iter().fold(config, |config, (domain, path)| config.former_cookie(*domain, path))
    }
}

/// The service with each of its configurations, in the cookie or on one store.
fn services(in_cookie: bool) -> [App; 3] {
    let memory = session_core::MemoryBackend::new();
    [0, 1, 2].map(|place| {
        App::new(TestClock::at(NOW), |config| {
            let config = service(place)(config);
            if in_cookie { config } else { config.backend(memory.clone()) }
        })
    })
}

/// A browser with a cookie of the first configuration and one of the second.
async fn browser_with_two_cookies(services: &[App]) -> Browser {
    let mut browser = services[0].browser_with(r#"{"user":"eve"}"#).await;
    let later = services[1].browser_with(DATA).await;
    browser.merge(&later);
    assert_eq!(browser.header().matches("id=").count(), 2);
    browser
}

#[tokio::test]
async fn a_logout_removes_the_cookies_of_former_configurations() {
    let logouts: [Step; 2] = [Session::destroy, |session| session.clear().unwrap()];
    for in_cookie in [true, false] {
        let services = services(in_cookie);
        for logout in logouts {
            let mut browser = browser_with_two_cookies(&services).await;
            services[2].visit(&mut browser, logout).await;
            assert!(!browser.has_cookie(), "{}", browser.header());
        }
    }
}

#[tokio::test]
async fn a_session_moves_from_its_former_cookie_to_the_new_one() {
    for in_cookie in [true, false] {
        let services = services(in_cookie);
        let mut browser = services[0].browser_with(DATA).await;
        services[2].visit(&mut browser, |session| session.renew().unwrap()).await;
        assert_eq!(browser.header().matches("id=").count(), 1);
        assert_eq!(services[2].data(&browser).await, DATA);
        services[2].visit(&mut browser, Session::destroy).await;
        assert!(!browser.has_cookie());
    }
}

/// A client with a cookie jar that follows RFC 6265.
#[derive(Default)]
struct Client(CookieStore);

impl Client {
    async fn visit(&mut self, service: &App, handler: impl FnOnce(&Session)) {
        let url = Url::parse("https://app.example.com/app/page").expect("a URL");
        let pairs: Vec<_> = self.0.get_request_values(&url).map(|(name, value)| format!("{name}={value}")).collect();
        let request = service.load(service.manager.open([pairs.join("; ").as_bytes()])).await;
        handler(&request);
        for set_cookie in request.respond(200).await.set_cookies() {
            // The jar refuses to remove a cookie that it does not have. That is no error of the library.
            drop(self.0.parse(set_cookie.as_str(), &url));
        }
    }

    fn cookies(&self) -> usize {
        self.0.iter_unexpired().count()
    }
}

#[tokio::test]
async fn a_jar_of_another_library_loses_all_cookies_at_a_logout() {
    for in_cookie in [true, false] {
        let services = services(in_cookie);
        let mut client = Client::default();
        client.visit(&services[0], |session| session.insert("user", "eve").unwrap()).await;
        client.visit(&services[1], |session| session.insert("user", "ann").unwrap()).await;
        client.visit(&services[2], |session| assert!(session.contains_key("user"))).await;
        assert!(client.cookies() > 0);
        client.visit(&services[2], Session::destroy).await;
        assert_eq!(client.cookies(), 0);
        client.visit(&services[2], |session| assert!(session.is_new())).await;
    }
}

#[tokio::test]
async fn responses_that_leave_the_cookie_alone_remove_none() {
    let services = services(true);
    let browser = services[0].browser_with(DATA).await;
    let response = services[2].open(&browser).await.respond(200).await;
    assert_eq!(response.set_cookies().count(), 0);
}

#[test]
fn a_former_cookie_has_another_place_and_keeps_the_rules_of_its_name() {
    use session_core::ConfigError;
    let secret = crate::support::SECRET;
    let build = |config: SessionConfigBuilder| config.build().map(drop);
    let with_domain = || SessionConfig::builder(secret, "id").domain("Example.com");
    for domain in ["example.com", ".example.com"] {
        let error = build(with_domain().former_cookie(Some(domain), "/")).unwrap_err();
        assert_eq!(error, ConfigError::FormerCookie { path: "/".to_owned() });
    }
    assert_eq!(build(with_domain().former_cookie(None, "/").former_cookie(Some("example.com"), "/app")), Ok(()));
    for (domain, path) in [(Some("a b"), "/"), (None, "no slash")] {
        assert!(build(with_domain().former_cookie(domain, path)).is_err());
    }
    let host = SessionConfig::builder(secret, "__Host-id").https_only(true).former_cookie(None, "/app");
    assert!(matches!(build(host), Err(ConfigError::CookiePrefix { .. })));
}
