//! Settings from files: what real parsers hand over, and the errors, none of which holds a secret.

use std::error::Error;

use session_core::signer::{Digest, Key, KeyDerivation};
use session_core::starlette::BackendType;
use session_core::{Refresh, SessionConfigBuilder, SessionSettings, SettingsError};

use crate::support::SECRET;

const TOML: &str = r#"
secret = "a secret of at least thirty-two bytes"
cookie_name = "shop"
max_age = "7d"
refresh = "half-life"
same_site = "strict"
https_only = true
max_keys = 100
former_cookies = ["/old"]
verify_keys = [{ secret = "another secret of thirty-two bytes", digest = "sha256" }]
"#;

const YAML: &str = r#"
secret: a secret of at least thirty-two bytes
cookie_name: shop
max_age: 7d
refresh: half-life
same_site: strict
https_only: true
max_keys: 100
domain:
former_cookies: [/old]
verify_keys:
  - secret: another secret of thirty-two bytes
    digest: sha256
"#;

const JSON: &str = r#"{
    "secret": "a secret of at least thirty-two bytes",
    "cookie_name": "shop",
    "max_age": "7d",
    "refresh": "half-life",
    "same_site": "strict",
    "https_only": true,
    "max_keys": 100,
    "domain": null,
    "former_cookies": ["/old"],
    "verify_keys": [{"secret": "another secret of thirty-two bytes", "digest": "sha256"}]
}"#;

fn toml(text: &str) -> SessionSettings {
    toml::from_str(text).expect("the test's own TOML")
}

/// Returns the error of these lines beside a secret, and its text. Asserts that nothing of it shows the secret.
fn refused(lines: &str) -> (SettingsError, String) {
    let error = toml(lines).into_builder().expect_err(lines);
    let source = error.source().map(ToString::to_string).unwrap_or_default();
    let printed = format!("{error}\n{error:?}\n{source}");
    assert!(!printed.contains(SECRET) && !printed.contains("hunter2"), "{printed}");
    let sentence = error.to_string();
    (error, sentence)
}

fn refused_beside_a_secret(line: &str) -> String {
    refused(&format!("secret = '{SECRET}'\n{line}")).1
}

#[test]
fn three_formats_give_one_configuration() {
    let yaml: SessionSettings = serde_saphyr::from_str(YAML).expect("the test's own YAML");
    let json: SessionSettings = serde_json::from_str(JSON).expect("the test's own JSON");
    let printed = [toml(TOML), yaml, json].map(|settings| {
        let config = settings.into_builder().expect("the settings are known").build().expect("and agree");
        format!("{config:?}")
    });
    assert!(printed[0].contains("shop") && printed[0].contains("604800"), "{}", printed[0]);
    assert_eq!(printed[1..], [printed[0].clone(), printed[0].clone()]);
}

#[test]
fn an_unknown_name_is_refused_with_the_name_that_was_meant() {
    assert_eq!(refused_beside_a_secret("max_agee = '7d'"), "unknown setting `max_agee`, did you mean `max_age`?");
    assert_eq!(refused_beside_a_secret("backend = 'redis'"), "unknown setting `backend`");
    assert_eq!(refused("secrt = 'hunter2'").1, "unknown setting `secrt`, did you mean `secret`?");
    let nested = refused_beside_a_secret("verify_keys = [{ secret = 'hunter2', salt = 'x' }]");
    assert_eq!(nested, "unknown setting `verify_keys[0].salt`");
}

#[test]
fn a_value_of_another_form_is_refused_with_its_name_and_the_rule() {
    let time = r#"must be a time with its unit, such as "14d", "30m" or "250ms""#;
    for (line, message) in [
        ("max_age = 14", &*format!("max_age is 14, {time}")),
        ("request_deadline = '250'", &*format!("request_deadline is \"250\", {time}")),
        ("https_only = 'yes'", "https_only is \"yes\", must be true or false"),
        ("max_keys = -1", "max_keys is -1, must be a whole number"),
        ("max_keys = 1.5", "max_keys is a value of another kind, must be a whole number"),
        ("same_site = 'loose'", "same_site is \"loose\", must be one of: lax, strict, none"),
        ("on_gone = 5", "on_gone is 5, must be one of: conflict, drop"),
        (
            "refresh = 'daily'",
            "refresh is \"daily\", must be one of: tenth, half-life, always, never, a time such as 1h",
        ),
        (
            "backend_type = 'oracle'",
            "backend_type is \"oracle\", must be one of: cookie, memory, redis, memcache, sqlite, postgres, mysql",
        ),
        ("preset = 'safe'", "preset is \"safe\", must be one of: development, hardened"),
        ("cookie_name = true", "cookie_name is true, must be text, in quotes"),
        (
            "former_cookies = ['example.com']",
            "former_cookies is a list, must be a path, after a domain or alone, such as `example.com/` or `/app`",
        ),
        ("verify_keys = 'hunter2'", "verify_keys is text, must be a list of secrets"),
        (
            "verify_keys = [5]",
            "verify_keys[0] is a number, must be a secret as text, or a table with `secret` or `secret_file`",
        ),
        (
            "max_sessions_per_user = 3",
            "max_sessions_per_user and on_session_limit belong together, and only one is set",
        ),
        ("secret_file = '/x'", "secret and secret_file exclude each other"),
        ("preset = 'development'", "a secret and the preset `development` exclude each other"),
        ("verify_keys = [{ digest = 'sha1' }]", "no secret: set `secret_file` or `secret`"),
    ] {
        assert_eq!(refused_beside_a_secret(line), message);
    }
    assert_eq!(refused("max_age = '7d'").1, "no secret: set `secret_file` or `secret`");
    // The text of a secret is not shown, even where it is a number.
    assert_eq!(refused("secret = 4711").1, "secret is a number, must be text, in quotes");
    assert_eq!(refused("secret = ['hunter2']").1, "secret is a list, must be text, in quotes");
}

#[test]
fn settings_that_contradict_each_other_are_refused_by_the_builder() {
    let builder = toml(&format!("secret = '{SECRET}'\nsame_site = 'none'")).into_builder().expect("each is known");
    let error = builder.build().expect_err("browsers drop such a cookie");
    assert_eq!(error.to_string(), "SameSite=None requires `https_only(true)`");
}

#[test]
fn a_file_holds_one_secret_a_line_and_the_first_one_signs() {
    let file = std::env::temp_dir().join(format!("session-core-secrets-{}", std::process::id()));
    let of_file = || toml(&format!("secret_file = '{}'\ncookie_name = 'id'", file.display()));
    std::fs::write(&file, format!("{SECRET}\r\n\nanother secret of thirty-two bytes\n")).expect("a temporary file");
    let by_file = of_file().into_builder().map(SessionConfigBuilder::build).expect("the file is there");
    std::fs::write(&file, "\n\n").expect("a temporary file");
    let empty = of_file().into_builder().expect_err("no line has a secret");
    std::fs::remove_file(&file).expect("a temporary file");
    let missing = of_file().into_builder().expect_err("the file is gone");

    let manager = session_core::SessionManager::new(by_file.expect("both secrets are long enough"));
    let signs = |secret: &str| {
        let config = session_core::SessionConfig::builder(secret, "id").build().expect("a long secret");
        let other = session_core::SessionManager::new(config);
        let (handle, session) = crate::support::open(&other, []);
        session.insert("user", "ann").expect("a new session takes data");
        let set_cookie = crate::support::at_once(handle.commit(200)).set_cookie.expect("a new session has a cookie");
        let (_, session) = crate::support::open(&manager, [crate::support::pair(set_cookie.as_str()).as_bytes()]);
        session.contains_key("user")
    };
    assert!(signs(SECRET) && signs("another secret of thirty-two bytes"));
    assert!(empty.to_string().ends_with("which holds no secret: write one per line"), "{empty}");
    let debug = format!("{missing:?}");
    assert!(debug.starts_with("secret_file names ") && debug.contains("No such file"), "{debug}");
}

#[test]
fn no_parser_has_a_reason_to_quote_the_line_of_a_secret() {
    for line in ["secret = 5", "secrt = 'hunter2'", "verify_keys = 'hunter2'", "secret = { a = 'hunter2' }"] {
        assert!(toml::from_str::<SessionSettings>(line).is_ok(), "{line}");
    }
    let error = serde_json::from_str::<SessionSettings>("\"hunter2\"").expect_err("no table");
    assert!(error.to_string().starts_with("the settings of sessions are not a table of names and values"), "{error}");
}

#[test]
fn settings_print_their_names_and_no_value() {
    assert_eq!(
        format!("{:?}", toml("secret = 'hunter2'\nmax_age = '7d'")),
        r#"SessionSettings({"max_age", "secret"})"#
    );
}

#[test]
fn the_application_learns_which_backend_to_make() {
    let of = |line: &str| toml(line).backend_type();
    assert_eq!(of("backend_type = 'redis'").expect("a known type"), Some(BackendType::Redis));
    assert_eq!(of("").expect("no type"), None);
    assert!(of("backend_type = 'oracle'").is_err());
}

#[test]
fn settings_stand_in_a_section_of_the_applications_own() {
    #[derive(serde::Deserialize)]
    struct Application {
        port: u16,
        session: SessionSettings,
    }
    let text = format!("port = 8080\n[session]{TOML}");
    let application: Application = toml::from_str(&text).expect("the test's own TOML");
    assert_eq!(application.port, 8080);
    assert!(application.session.into_builder().is_ok());
}

#[test]
fn names_of_choices_are_printed_as_they_are_read() {
    for name in ["tenth", "half-life", "always", "never", "1h 30m"] {
        assert_eq!(name.parse::<Refresh>().map(|refresh| refresh.to_string()), Ok(name.to_owned()));
    }
    let unknown = "md5".parse::<Digest>().expect_err("itsdangerous has it, this library does not");
    assert_eq!(format!("{unknown:?}"), r#"unknown digest "md5", must be one of: sha1, sha256, sha384, sha512"#);
    assert_eq!("django-concat".parse(), Ok(KeyDerivation::DjangoConcat));
    let _ = Key::new(SECRET).digest("SHA256".parse().expect("any case"));
}
