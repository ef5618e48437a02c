//! `session inspect` on the cookies of `tests/data/cookies.json`.

use serde_json::Value;

use crate::support::{Output, file, session, text};

fn table() -> Value {
    serde_json::from_str(include_str!("../data/cookies.json")).expect("the table is well-formed")
}

/// The keys of a row, or else of the table.
fn keys(table: &Value, row: &Value) -> Vec<String> {
    let keys = row.get("keys").unwrap_or(&table["keys"]).as_array().expect("the table is well-formed");
    keys.iter().map(|key| key.as_str().expect("the table is well-formed").to_owned()).collect()
}

fn inspect(table: &Value, row: &Value, format: &[&str]) -> Output {
    let keys = file(Some(&keys(table, row).join("\n")));
    let now = table["now"].to_string();
    let cookie = row["cookie"].as_str().expect("the table is well-formed");
    let mut arguments = vec!["inspect", "--secret-file", text(&keys), "--now", &now];
    arguments.extend(
        row["args"]
            .as_array()
            .expect("the table is well-formed")
            .iter()
            .map(|argument| argument.as_str().expect("the table is well-formed")),
    );
    arguments.extend(format);
    arguments.push("-");
    let output = session(&arguments, cookie);
    std::fs::remove_file(keys).expect("the table is well-formed");
    output
}

fn number(value: Option<&Value>) -> Option<u64> {
    value.and_then(Value::as_u64)
}

#[test]
fn each_broken_cookie_is_refused_with_its_cause() {
    let table = table();
    let rows = table["refused"].as_array().unwrap();
    assert!(rows.len() >= 30, "{}", rows.len());
    let mut wrong = Vec::new();
    for row in rows {
        let output = inspect(&table, row, &["--json"]);
        let report: Value = serde_json::from_str(&output.stdout).unwrap();
        let format_is_right = row.get("format").is_none_or(|format| *format == report["format"]);
        let key_is_right = row.get("key").is_none() || number(row.get("key")) == number(report.get("verified_by_key"));
        let is_right = report["cause"] == row["cause"] && format_is_right && key_is_right;
        if !is_right || output.code != 1 || report["accepted"] != false {
            wrong.push(format!("{}: {} {}", row["name"], output.code, report));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn good_cookies_are_accepted_by_the_key_that_signed_them() {
    let table = table();
    for row in table["accepted"].as_array().unwrap() {
        let output = inspect(&table, row, &["--json"]);
        let report: Value = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!((output.code, &report["accepted"]), (0, &Value::Bool(true)), "{}: {report}", row["name"]);
        assert_eq!(report["verified_by_key"], row["key"], "{}", row["name"]);
        assert_eq!(report["issued"], table["now"].as_u64().unwrap() - 60, "{}", row["name"]);
    }
}

#[test]
fn the_text_says_why_in_a_sentence_and_shows_no_key_and_no_id() {
    let table = table();
    for row in table["refused"].as_array().unwrap() {
        let output = inspect(&table, row, &[]);
        let first = output.stdout.lines().next().unwrap_or_default();
        assert!(first.starts_with("Refused: ") && first.ends_with('.'), "{}: {first}", row["name"]);
        assert_eq!(output.stderr, "", "{}", row["name"]);
        for key in keys(&table, row) {
            assert!(!output.stdout.contains(&key), "{}", row["name"]);
        }
        assert!(!output.stdout.contains(table["id"].as_str().unwrap()), "{}: {}", row["name"], output.stdout);
    }
}

#[test]
fn an_id_is_masked_unless_it_is_asked_for() {
    let table = table();
    let row = table["accepted"].as_array().unwrap().iter().find(|row| row["name"] == "the id of a stored session");
    let id = table["id"].as_str().unwrap();
    for format in [&[][..], &["--json"]] {
        let masked = inspect(&table, row.unwrap(), format).stdout;
        // The start of the id's SHA-256, by `sha256sum`.
        assert!(masked.contains("37aa43c0") && !masked.contains(id), "{masked}");
        let shown = inspect(&table, row.unwrap(), &[format, &["--show-ids"]].concat()).stdout;
        assert!(shown.contains(id), "{shown}");
    }
}

#[test]
fn a_payload_is_shown_to_the_last_digit() {
    let keys = file(Some("9rX2kP7wQ4mZ8vT1nB6yL3cF5hJ0dG2s"));
    let payload = r#"{"big": 123456789012345678901234567890, "float": 1.10, "text": "é"}"#;
    let token = session(&["sign", "--secret-file", text(&keys)], payload).stdout;
    let shown = session(&["inspect", "--secret-file", text(&keys), token.trim()], "").stdout;
    for line in ["\"big\": 123456789012345678901234567890", "\"float\": 1.10", "\"text\": \"é\""] {
        assert!(shown.lines().any(|shown| shown.trim() == line), "{line}: {shown}");
    }
    std::fs::remove_file(keys).unwrap();
}
