//! Each setting reaches the builder, and each value of the builder can be set or is listed as code.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::config::builder::Salt;
use crate::cookie::Attributes;
use crate::format::Settings;
use crate::signer::Key;

const SECRET: &str = "u4Pz9Xq7Ls2Vb6Nw1Yc8Td3Rf5Gk0HjQe7";

/// The values of a builder that are code or objects.
const NOT_IN_FILES: &[&str] = &["accepted", "backend", "clock", "format", "on_event"];

/// Settings by a line of TOML, with the values of the builder that it changes.
const SETTINGS: &[(&str, &[(&str, &str)])] = &[
    ("absolute_lifetime = '12h'", &[("absolute_lifetime", "Some(43200s)")]),
    ("backend_type = 'memory'", &[("backend_type", "Some(Memory)")]),
    ("browser_session = true", &[("browser_session", "Some(true)")]),
    ("clock_skew = '5s'", &[("clock_skew", "Some(5s)")]),
    ("commit_on_server_error = true", &[("commit_on_server_error", "true")]),
    ("cookie_name = 'sid'", &[("cookie_name", "\"sid\"")]),
    ("danger_allow_script_access = true", &[("http_only", "false")]),
    ("danger_allow_weak_secret = true", &[("allow_weak_secret", "true")]),
    ("digest = 'sha512'", &[("signing_key", "Key { derivation: DjangoConcat, digest: Some(Sha512), .. }")]),
    ("domain = 'example.com'", &[("domain", "Some(\"example.com\")")]),
    (
        "former_cookies = ['/old', 'example.com/']",
        &[("former_cookies", "[(None, \"/old\"), (Some(\"example.com\"), \"/\")]")],
    ),
    ("https_only = true", &[("secure", "true")]),
    ("key_derivation = 'hmac'", &[("signing_key", "Key { derivation: Hmac, digest: None, .. }")]),
    ("key_prefix = 'shop:'", &[("key_prefix", "Some(\"shop:\")")]),
    ("longest_max_age = '30d'", &[("longest_max_age", "Some(2592000s)")]),
    ("max_age = '14d 1h'", &[("max_age", "Some(1213200s)")]),
    ("max_keys = 7", &[("max_keys", "7")]),
    ("max_session_bytes = 4096", &[("max_session_bytes", "4096")]),
    (
        "max_sessions_per_user = 3\non_session_limit = 'drop-oldest'",
        &[
            ("require_user_index", "true"),
            ("session_limit", "Some(SessionLimit { max_sessions: 3, on_limit: DropOldest })"),
        ],
    ),
    ("on_corrupt = 'fail'", &[("on_corrupt", "Fail")]),
    ("on_duplicate = 'reject'", &[("on_duplicate", "Some(Reject)")]),
    ("on_gone = 'drop'", &[("on_gone", "Drop")]),
    ("partitioned = true", &[("partitioned", "true")]),
    ("path = '/shop'", &[("path", "\"/shop\"")]),
    ("refresh = '1h'", &[("refresh", "Some(After(3600s))")]),
    ("request_deadline = '1s'", &[("request_deadline", "1s")]),
    ("require_atomic = true", &[("require_atomic", "true")]),
    ("require_user_index = true", &[("require_user_index", "true")]),
    ("salt = 'shop'", &[("salt", "\"shop\"")]),
    ("same_site = 'strict'", &[("same_site", "Strict")]),
    ("verify_keys = ['old']", &[("verify_keys", "[\"old\": Key { derivation: DjangoConcat, digest: None, .. }]")]),
    (
        "verify_keys = [{ secret = 'old', digest = 'sha256', key_derivation = 'concat' }]",
        &[("verify_keys", "[\"old\": Key { derivation: Concat, digest: Some(Sha256), .. }]")],
    ),
];

fn settings(toml: &str) -> SessionSettings {
    toml::from_str(toml).expect("the test's own TOML")
}

fn with_secret(lines: &str) -> SessionConfigBuilder {
    settings(&format!("secret = '{SECRET}'\n{lines}")).into_builder().expect(lines)
}

/// Prints each value of the builder. A value that is added to the builder has to be added here, and thereby to the table.
fn values(builder: &SessionConfigBuilder) -> BTreeMap<&'static str, String> {
    let SessionConfigBuilder {
        signing_key,
        verify_keys,
        allow_weak_secret,
        hardened,
        development,
        salt,
        cookie_name,
        attributes,
        former_cookies,
        longest_max_age,
        absolute_lifetime,
        backend_type,
        backend,
        require_atomic,
        format,
        accepted,
        require_user_index,
        session_limit,
        settings,
        on_gone,
        on_corrupt,
        commit_on_server_error,
        max_session_bytes,
        max_keys,
        on_event,
        request_deadline,
        clock: _,
    } = builder;
    let Settings { key_prefix, max_age, browser_session, on_duplicate, clock_skew, refresh } = settings;
    let Attributes { path, domain, secure, http_only, same_site, partitioned } = attributes;
    let former = former_cookies.iter().map(|former| former.attributes(attributes));
    let former: Vec<_> = former.map(|former| (former.domain, former.path)).collect();
    let verifying = verify_keys.iter().map(|key| format!("{:?}: {key:?}", String::from_utf8_lossy(key.secret())));
    let salt = match salt {
        Salt::Given(salt) => format!("{salt:?}"),
        Salt::OfCookie(name) => format!("of {name}"),
    };
    BTreeMap::from([
        ("absolute_lifetime", format!("{absolute_lifetime:?}")),
        ("accepted", accepted.len().to_string()),
        ("allow_weak_secret", allow_weak_secret.to_string()),
        ("backend", backend.is_some().to_string()),
        ("backend_type", format!("{backend_type:?}")),
        ("browser_session", format!("{browser_session:?}")),
        ("clock", String::new()),
        ("clock_skew", format!("{clock_skew:?}")),
        ("commit_on_server_error", commit_on_server_error.to_string()),
        ("cookie_name", format!("{cookie_name:?}")),
        ("development", development.to_string()),
        ("domain", format!("{domain:?}")),
        ("format", format.is_some().to_string()),
        ("former_cookies", format!("{former:?}")),
        ("hardened", hardened.to_string()),
        ("http_only", http_only.to_string()),
        ("key_prefix", format!("{key_prefix:?}")),
        ("longest_max_age", format!("{longest_max_age:?}")),
        ("max_age", format!("{max_age:?}")),
        ("max_keys", max_keys.to_string()),
        ("max_session_bytes", max_session_bytes.to_string()),
        ("on_corrupt", format!("{on_corrupt:?}")),
        ("on_duplicate", format!("{on_duplicate:?}")),
        ("on_event", on_event.is_some().to_string()),
        ("on_gone", format!("{on_gone:?}")),
        ("partitioned", partitioned.to_string()),
        ("path", format!("{path:?}")),
        ("refresh", format!("{refresh:?}")),
        ("request_deadline", format!("{request_deadline:?}")),
        ("require_atomic", require_atomic.to_string()),
        ("require_user_index", require_user_index.to_string()),
        ("salt", salt),
        ("same_site", format!("{same_site:?}")),
        ("secure", secure.to_string()),
        ("session_limit", format!("{session_limit:?}")),
        ("signing_key", format!("{signing_key:?}")),
        ("verify_keys", format!("[{}]", verifying.collect::<Vec<_>>().join(", "))),
    ])
}

/// Returns the values of the builder in which two differ, as the second one has them.
fn changes(base: &SessionConfigBuilder, changed: &SessionConfigBuilder) -> Vec<(&'static str, String)> {
    let base = values(base);
    values(changed).into_iter().filter(|(name, value)| base[name] != *value).collect()
}

#[test]
fn each_setting_changes_its_value_of_the_builder_and_no_other() {
    let base = with_secret("");
    assert_eq!(base.signing_key, Key::new(SECRET));
    for (lines, expected) in SETTINGS {
        let expected: Vec<_> = expected.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        assert_eq!(changes(&base, &with_secret(lines)), expected, "{lines}");
    }
}

#[test]
fn the_table_covers_each_setting_and_each_value_of_the_builder() {
    let lines = SETTINGS.iter().flat_map(|(lines, _)| lines.lines());
    let tested: BTreeSet<&str> = lines.filter_map(|line| Some(line.split_once(" = ")?.0)).collect();
    let apart = ["preset", "secret", "secret_file"];
    let known: BTreeSet<&str> =
        [OF_METHODS, OF_THEIR_OWN].concat().into_iter().filter(|name| !apart.contains(name)).collect();
    assert_eq!(tested, known);

    let changed: BTreeSet<&str> =
        SETTINGS.iter().flat_map(|(_, changed)| changed.iter().map(|(name, _)| *name)).collect();
    let by_preset = ["development", "hardened"];
    let all: BTreeSet<&str> = values(&with_secret("")).into_keys().collect();
    let covered: BTreeSet<&str> = changed.into_iter().chain(by_preset).chain(NOT_IN_FILES.iter().copied()).collect();
    assert_eq!(covered, all);
}

#[test]
fn a_preset_is_the_constructor_of_its_name_and_other_settings_change_it() {
    let hardened = SessionConfigBuilder::hardened(SECRET, "id");
    assert_eq!(changes(&hardened, &with_secret("preset = 'hardened'\ncookie_name = 'id'")), []);
    let longer = with_secret("preset = 'hardened'\ncookie_name = 'id'\nmax_age = '1h'");
    assert_eq!(changes(&hardened, &longer), [("max_age", "Some(3600s)".to_owned())]);
    let development = settings("preset = 'development'").into_builder().expect("no secret is needed");
    assert_eq!(changes(&SessionConfigBuilder::development("session"), &development), []);
}

#[test]
fn variables_replace_what_a_file_sets() {
    let variables = |pairs: &[(&str, &str)]| -> Vec<(OsString, OsString)> {
        pairs.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect()
    };
    let file = settings("secret_file = '/run/secrets/none'\nmax_age = '1d'\nhttps_only = true\nmax_keys = 5");
    let merged = file.with_variables(
        "SHOP_",
        variables(&[
            ("SHOP_SECRET", SECRET),
            ("SHOP_HTTPS_ONLY", "false"),
            ("SHOP_MAX_KEYS", "9"),
            ("SHOP_VERIFY_KEYS", "one, two"),
            ("SHOP_FORMER_COOKIES", "/old,example.com/"),
            ("SHOPPING", "no setting"),
            ("PATH", "/bin"),
        ]),
    );
    let expected = [
        ("former_cookies", "[(None, \"/old\"), (Some(\"example.com\"), \"/\")]"),
        ("max_age", "Some(86400s)"),
        ("max_keys", "9"),
        (
            "verify_keys",
            "[\"one\": Key { derivation: DjangoConcat, digest: None, .. }, \"two\": Key { derivation: DjangoConcat, digest: None, .. }]",
        ),
    ];
    let builder = merged.into_builder().expect("all variables are settings");
    assert_eq!(changes(&with_secret(""), &builder), expected.map(|(name, value)| (name, value.to_owned())));

    let refused = |pairs: &[(&str, &str)]| {
        let settings = SessionSettings::default().with_variables("SHOP_", variables(pairs));
        settings.into_builder().expect_err("a variable breaks a rule").to_string()
    };
    let wrong = refused(&[("SHOP_SECRET", SECRET), ("SHOP_MAX_AGE", "14")]);
    assert!(wrong.starts_with("SHOP_MAX_AGE is \"14\", must be a time with its unit"), "{wrong}");
    assert_eq!(refused(&[("SHOP_MAXAGE", "1d")]), "unknown setting `SHOP_MAXAGE`, did you mean `max_age`?");
    let both = refused(&[("SHOP_SECRET", SECRET), ("SHOP_SECRET_FILE", "/run/secrets/none")]);
    assert_eq!(both, "secret and secret_file exclude each other");
}

#[test]
fn the_guide_lists_each_setting() {
    let guide = include_str!("../../../../guide/settings.md");
    let rows = guide.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0));
    assert_eq!(rows.collect::<BTreeSet<_>>(), [OF_METHODS, OF_THEIR_OWN].concat().into_iter().collect());
}
