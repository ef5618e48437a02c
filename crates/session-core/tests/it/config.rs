//! The configuration: what `build` refuses, each rule beside what it lets pass.

mod rotation;
mod settings;

use std::time::Duration;

use session_core::signer::{Key, KeyDerivation};
use session_core::starlette::{BackendType, UnknownPredefinedBackend};
use session_core::{
    ConfigError, MemoryBackend, OnSessionLimit, Refresh, SameSite, SessionConfig, SessionConfigBuilder, SessionManager,
    SessionMap,
};
use session_test_support::Log;

use crate::support::{Plain, SECRET, at_once, open, pair};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn builder() -> SessionConfigBuilder {
    SessionConfig::builder(SECRET, "id")
}

fn named(cookie_name: &str) -> SessionConfigBuilder {
    SessionConfig::builder(SECRET, cookie_name)
}

fn manager(config: SessionConfigBuilder) -> SessionManager {
    SessionManager::new(config.build().expect("the configuration is valid"))
}

fn assert_valid(config: SessionConfigBuilder) {
    if let Err(error) = config.build() {
        panic!("{error}");
    }
}

/// Returns the error of a configuration, and asserts that its text fits into a log.
fn refused(config: SessionConfigBuilder) -> ConfigError {
    let error = config.build().expect_err("the configuration breaks a rule");
    let message = error.to_string();
    // A message may begin with the name of a cookie attribute, in its usual capitals.
    let begins_well =
        !message.starts_with(char::is_uppercase) || matches!(error, ConfigError::RequiresHttpsOnly { .. });
    assert!(begins_well && !message.ends_with('.') && !message.contains(char::is_control), "{message:?}");
    assert!(!message.contains(SECRET), "{message:?}");
    assert_eq!(format!("{error:?}"), message, "main prints a sentence");
    error
}

#[test]
fn a_secret_must_not_be_empty_even_where_weak_ones_are_allowed() {
    let signing = |secret: &str| SessionConfig::builder(secret, "id");
    for config in [
        signing(""),
        signing("").danger_allow_weak_secret(true),
        builder().verify_key("").danger_allow_weak_secret(true),
    ] {
        assert_eq!(refused(config), ConfigError::EmptySecret);
    }
    assert_valid(signing("x").verify_key("y").danger_allow_weak_secret(true));
}

#[test]
fn a_secret_must_have_32_bytes_unless_weak_ones_are_allowed() {
    let short = "x".repeat(31);
    for config in [SessionConfig::builder(&*short, "id"), builder().verify_key(&*short)] {
        assert_eq!(refused(config), ConfigError::WeakSecret { bytes: 31 });
    }
    let exactly =
        ["a secret of just thirty-two byte", "geheimnis, öffentlich für nieman"].map(|text| &text.as_bytes()[..32]);
    assert_valid(SessionConfig::builder(exactly[0], "id").verify_key(exactly[1]));
    assert_valid(SessionConfig::builder(&*short, "id").verify_key(short.clone()).danger_allow_weak_secret(true));
}

#[test]
fn a_cookie_name_must_be_a_token() {
    let separators = "()<>@,;:\\\"/[]?={} \t\r\n\0\u{7f}é".chars().map(|separator| format!("a{separator}b"));
    let names = ["", " id", "id ", "id\r\nSet-Cookie: other=1", "__Host-id; Domain=evil.example"].map(str::to_owned);
    for name in separators.chain(names) {
        assert_eq!(refused(named(&name)), ConfigError::CookieName { name });
    }
    for name in ["id", "a.b_c-1", "!#$%&'*+-.^_`|~", "0"] {
        assert_valid(named(name));
    }
}

#[test]
fn the_prefix_of_a_cookie_name_is_a_promise_that_must_be_kept() {
    let broken = |config, given: &str, promise| {
        assert_eq!(refused(config), ConfigError::CookiePrefix { name: given.to_owned(), requirement: promise });
    };
    for name in ["__Host-id", "__Secure-id", "__host-id", "__SECURE-id", "__Http-id", "__Host-Http-id"] {
        broken(named(name), name, "`https_only(true)`");
        assert_valid(named(name).https_only(true));
    }
    for name in ["__Http-id", "__host-HTTP-id"] {
        let script = named(name).https_only(true).danger_allow_script_access(true);
        assert!(matches!(refused(script), ConfigError::CookiePrefix { .. }));
        assert_valid(named(name).https_only(true));
    }
    for name in ["__Host-id", "__hOST-id", "__Host-Http-id"] {
        broken(named(name).https_only(true).path("/app"), name, "path `/`");
        broken(named(name).https_only(true).domain("example.com"), name, "no domain");
    }
    assert_valid(named("__Secure-id").https_only(true).path("/app").domain("example.com"));
    assert_valid(named("__Hostid").path("/app").domain("example.com"));
}

#[test]
fn a_domain_must_be_a_host_name() {
    let too_long = ["a".repeat(63).as_str(); 4].join(".");
    for domain in
        ["", ".", "..a", "a..b", "-a.b", "a-.b", "a b", "a;b", "a,b", "a\r\nb", "é.fr", "a/b", "a:80", &too_long]
    {
        assert_eq!(refused(builder().domain(domain)), ConfigError::Domain { domain: domain.to_owned() });
    }
    for domain in ["example.com", ".example.com", "localhost", "xn--9ca.fr", "127.0.0.1", &too_long[..253]] {
        assert_valid(builder().domain(domain));
    }
}

#[test]
fn a_path_must_begin_with_a_slash_and_fit_into_a_header() {
    for path in ["", "app", "./", "/a;b", "/a; Domain=evil.example", "/a\r\nb", "/a\0", "/é", "/a ", "/\u{7f}"] {
        assert_eq!(refused(builder().path(path)), ConfigError::Path { path: path.to_owned() });
    }
    for path in ["/", "/app", "/app/~user/%C3%A9", "/a,b=c"] {
        assert_valid(builder().path(path));
    }
}

#[test]
fn attributes_that_browsers_tie_to_https_require_it() {
    let none = || builder().same_site(SameSite::None);
    assert_eq!(refused(none()), ConfigError::RequiresHttpsOnly { attribute: "SameSite=None" });
    assert_valid(none().https_only(true));
    let partitioned = || builder().partitioned(true);
    assert_eq!(refused(partitioned()), ConfigError::RequiresHttpsOnly { attribute: "Partitioned" });
    assert_valid(partitioned().https_only(true));
    assert_valid(builder().same_site(SameSite::Strict));
}

#[test]
fn a_same_site_value_is_known_by_its_name() {
    let configured = |name: &str| builder().same_site(name.parse()?).https_only(true).build();
    for given in ["", "lax ", "no_restriction", "lax; Domain=evil.example"] {
        let error = configured(given).unwrap_err();
        let ConfigError::UnknownName(unknown) = &error else { panic!("{error}") };
        assert_eq!((unknown.given(), unknown.known()), (given, &["lax", "strict", "none"][..]));
        assert_eq!(error.to_string(), format!("unknown SameSite value {given:?}, must be one of: lax, strict, none"));
    }
    for (name, same_site) in [("lax", SameSite::Lax), ("Strict", SameSite::Strict), ("NONE", SameSite::None)] {
        assert_eq!(name.parse(), Ok(same_site));
        assert_eq!(same_site.to_string(), name.to_lowercase());
        assert!(configured(name).is_ok());
    }
    assert_eq!(SameSite::default(), SameSite::Lax);
}

#[test]
fn a_lifetime_is_from_one_second_to_400_days() {
    type Setter = fn(SessionConfigBuilder, Duration) -> SessionConfigBuilder;
    let setters: [(&str, Setter); 3] = [
        ("max_age", SessionConfigBuilder::max_age),
        ("longest_max_age", |config, longest| config.max_age(Duration::from_secs(1)).longest_max_age(longest)),
        ("absolute_lifetime", SessionConfigBuilder::absolute_lifetime),
    ];
    for (parameter, set) in setters {
        for given in [Duration::ZERO, Duration::from_millis(999), 400 * DAY + Duration::from_nanos(1), Duration::MAX] {
            assert_eq!(refused(set(builder(), given)), ConfigError::Lifetime { parameter, given });
        }
        for given in [Duration::from_secs(1), 400 * DAY] {
            assert_valid(set(builder(), given));
        }
    }
}

#[test]
fn the_longest_lifetime_of_a_session_is_no_shorter_than_the_usual_one() {
    let config = || builder().max_age(2 * DAY);
    let longest_max_age = refused(config().longest_max_age(DAY));
    assert_eq!(longest_max_age, ConfigError::LongestMaxAge { longest: DAY, max_age: 2 * DAY });
    assert_valid(config().longest_max_age(2 * DAY));
}

#[test]
fn a_refresh_comes_before_the_session_expires() {
    let after = |after| builder().max_age(DAY).refresh(Refresh::After(after));
    for late in [DAY, 2 * DAY] {
        assert_eq!(refused(after(late)), ConfigError::Refresh { after: late, max_age: DAY });
    }
    assert_valid(after(DAY - Duration::from_secs(1)));
    assert_valid(after(Duration::ZERO));
}

#[test]
fn there_must_be_time_to_ask_the_store_and_room_for_a_session() {
    assert_eq!(refused(builder().request_deadline(Duration::ZERO)), ConfigError::RequestDeadline);
    assert_valid(builder().request_deadline(Duration::from_nanos(1)));
    for given in [0, 1, SessionMap::MAX_BYTES + 1] {
        assert_eq!(refused(builder().max_session_bytes(given)), ConfigError::MaxSessionBytes { given });
    }
    for given in [2, SessionMap::MAX_BYTES] {
        assert_valid(builder().max_session_bytes(given));
    }
    assert_eq!(refused(builder().max_keys(0)), ConfigError::MaxKeys);
    let limited = builder().backend(MemoryBackend::new()).max_sessions_per_user(0, OnSessionLimit::Refuse);
    assert_eq!(refused(limited), ConfigError::MaxSessionsPerUser);
    assert_valid(builder().max_keys(1));
}

#[tokio::test]
async fn the_longest_request_deadline_overflows_no_clock() {
    let manager = manager(builder().backend(Plain::default()).request_deadline(Duration::MAX));
    let handle = manager.open([]);
    handle.load().await.unwrap().insert("user", "ann").unwrap();
    assert!(handle.commit(200).await.set_cookie.is_some());
}

#[test]
fn a_key_prefix_is_one_that_every_store_takes() {
    let (longest, too_long) = ("x".repeat(128), "x".repeat(129));
    for prefix in ["a b", " ", "a\r\n", "a\0", "é", "\u{7f}", &too_long] {
        assert_eq!(refused(builder().key_prefix(prefix)), ConfigError::KeyPrefix { prefix: prefix.to_owned() });
    }
    for prefix in ["", "app:session:", "{slot}", &longest] {
        assert_valid(builder().key_prefix(prefix));
    }
}

#[test]
fn a_backend_is_passed_exactly_where_its_type_needs_one() {
    for (backend_type, package) in [
        (BackendType::Redis, "session-redis"),
        (BackendType::Memcache, "session-memcache"),
        (BackendType::Sqlite, "session-sql"),
        (BackendType::Postgres, "session-sql"),
        (BackendType::Mysql, "session-sql"),
    ] {
        let config = || builder().backend_type(backend_type);
        let error = refused(config());
        assert_eq!(error, ConfigError::BackendMissing { backend_type });
        assert!(error.to_string().ends_with(&format!("from the crate {package}")), "{error}");
        assert_valid(config().backend(MemoryBackend::new()));
    }
    let cookie = || builder().backend_type(BackendType::Cookie);
    assert_eq!(refused(cookie().backend(MemoryBackend::new())), ConfigError::BackendUnused);
    let is_cookie_mode = |config: SessionConfigBuilder| config.build().unwrap().is_cookie_mode();
    assert!(is_cookie_mode(builder()) && is_cookie_mode(cookie()));
    // The original ignores a custom backend without a type.
    assert!(!is_cookie_mode(builder().backend(Plain::default())));
    let memory = || builder().backend_type(BackendType::Memory);
    assert!(!is_cookie_mode(memory()) && !is_cookie_mode(memory().backend(MemoryBackend::new())));
}

#[test]
fn a_backend_that_can_not_compare_and_set_is_refused_where_that_is_required() {
    assert_eq!(refused(builder().backend(Plain::default()).require_atomic(true)), ConfigError::NotAtomic);
    assert_valid(builder().backend(Plain::default()));
    assert_valid(builder().backend(MemoryBackend::new()).require_atomic(true));
    assert_valid(builder().require_atomic(true));
}

#[test]
fn an_unknown_predefined_backend_is_an_error_that_lists_the_known_ones() {
    let configured =
        |name: &str| builder().backend_type(name.parse::<BackendType>()?).backend(MemoryBackend::new()).build();
    for given in ["", "Redis", "redis ", "etcd", "aiocookie"] {
        let error = configured(given).unwrap_err();
        assert_eq!(error, ConfigError::UnknownBackend(UnknownPredefinedBackend { given: given.to_owned() }));
        let known = "cookie, memory, redis, memcache, sqlite, postgres, mysql";
        let message = format!("unknown predefined backend {given:?}, must be one of: {known}");
        assert_eq!(error.to_string(), message);
    }
    for given in ["redis", "aioRedis", "memcache", "aioMemcache", "memory"] {
        assert!(configured(given).is_ok(), "{given}");
    }
    assert_eq!(BackendType::default(), BackendType::Cookie);
    for backend_type in [BackendType::Cookie, BackendType::Memory, BackendType::Redis, BackendType::Sqlite] {
        assert_eq!(backend_type.to_string().parse(), Ok(backend_type));
    }
}

#[test]
fn a_secret_that_is_public_or_regular_is_refused_unless_weak_ones_are_allowed() {
    let placeholder = "at least 32 bytes from a secret store";
    let counting: Vec<u8> = (0..32).collect();
    for (secret, error) in [
        (Key::new(placeholder), ConfigError::PlaceholderSecret),
        (Key::new([0; 64]), ConfigError::RegularSecret),
        (Key::new(counting), ConfigError::RegularSecret),
    ] {
        let signing = || SessionConfig::builder(secret.clone(), "id");
        assert_eq!(refused(signing()), error);
        assert_eq!(refused(builder().verify_key(secret.clone())), error);
        assert_valid(signing().danger_allow_weak_secret(true));
    }
}

#[test]
fn a_secret_for_development_is_another_one_each_time_and_logs_a_warning() {
    let log = Log::capture("session_core");
    let managers = [(); 2].map(|()| manager(SessionConfigBuilder::development("id")));
    let warned = log.take();
    assert_eq!(warned.len(), 2);
    assert!(warned[0].starts_with("WARN") && warned[0].contains("all sessions end with this process"), "{warned:?}");
    assert_valid(builder());
    assert_eq!(log.take(), [""; 0]);

    let (handle, session) = open(&managers[0], []);
    session.insert("user", "ann").unwrap();
    let set_cookie = at_once(handle.commit(200)).set_cookie.unwrap();
    let is_new = managers.map(|manager| open(&manager, [pair(set_cookie.as_str()).as_bytes()]).1.is_new());
    assert_eq!(is_new, [false, true]);
}

#[test]
fn the_hardened_preset_refuses_settings_that_would_break_its_promises() {
    let hardened = |key| SessionConfigBuilder::hardened(key, "id");
    assert_eq!(refused(hardened(Key::new(SECRET))), ConfigError::HardenedMode);
    assert_eq!(refused(hardened(Key::new(SECRET)).backend(Plain::default())), ConfigError::NotAtomic);
    assert_valid(hardened(Key::new(SECRET)).backend_type(BackendType::Cookie));
    assert_valid(hardened(Key::new(SECRET)).backend(MemoryBackend::new()));

    let unsalted = || Key::new(SECRET).derivation(KeyDerivation::None);
    let in_memory = |key| hardened(key).backend_type(BackendType::Memory);
    assert_eq!(refused(in_memory(unsalted())), ConfigError::KeyDerivationNone);
    assert_eq!(refused(in_memory(Key::new(SECRET)).verify_key(unsalted())), ConfigError::KeyDerivationNone);
    assert_valid(in_memory(Key::new(SECRET).derivation(KeyDerivation::Hmac)));
    assert_valid(SessionConfig::builder(unsalted(), "id"));
}

#[test]
fn managers_that_accept_each_others_tokens_are_warned_of() {
    let secret = "a secret that no other test of this file has";
    let config = |name: &str, salt: &str| SessionConfig::builder(secret, name).salt(salt).build().unwrap();
    let log = Log::capture("session_core");
    let first = SessionManager::new(config("first", "a"));
    let _clone = SessionManager::new(config("first", "a"));
    let _other_salt = SessionManager::new(config("second", "b"));
    assert_eq!(log.take(), [""; 0]);
    let _second = SessionManager::new(config("second", "a"));
    let warning = r#"WARN two session configurations share secret and salt: each accepts the tokens of the other cookie="second" other="first""#;
    assert_eq!(log.take(), [warning]);
    drop(first);
}

#[test]
fn an_error_that_main_returns_prints_its_sentence() {
    let error = SessionConfig::builder("short", "id").build().unwrap_err();
    assert_eq!(format!("{error:?}"), error.to_string());
    let unknown = "etcd".parse::<BackendType>().unwrap_err();
    assert_eq!(format!("{unknown:?}"), unknown.to_string());
}

#[test]
fn debug_prints_no_secret() {
    let config = || builder().verify_key("another secret of more than 32 bytes").salt("a salt");
    let built = config().build().unwrap();
    let manager = SessionManager::new(built.clone());
    for (printed, name) in [
        (format!("{:#?}", config()), "SessionConfigBuilder"),
        (format!("{built:#?}"), "SessionConfig"),
        (format!("{manager:?}"), "SessionManager"),
    ] {
        assert!(printed.starts_with(name) && !printed.contains("secret of"), "{printed}");
        assert!(!printed.contains(&format!("{:?}", SECRET.as_bytes()).trim_matches(['[', ']'])[..20]), "{printed}");
    }
}
