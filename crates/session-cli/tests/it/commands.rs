//! The other commands, and the sources of keys.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{file, run, session, text};

const KEY: &str = "q7Zt0mXr3vB9cN5yL1kW8sD4fG6hJ2pA";
const NEXT: &str = "A2pJ6hG4fD8sW1kL5yN9cB3vX0rM7tZq";

#[test]
fn a_token_is_the_one_that_starlette_signs() {
    let keys = file(Some("secret"));
    let arguments = ["sign", "--secret-file", text(&keys), "--now", "1700000000"];
    let signed = session(&arguments, "{\"data\": \"something\"}\n");
    assert_eq!(signed.stdout, "eyJkYXRhIjogInNvbWV0aGluZyJ9.ZVPxAA.FdFGnltuWS2hDs3eecuXCwu5b44\n");
    let refused = session(&arguments, "[1]");
    assert_eq!((refused.code, refused.stdout.as_str()), (3, ""));
    assert!(refused.stderr.starts_with("session: can't sign standard input: not a JSON object"), "{}", refused.stderr);
    std::fs::remove_file(keys).unwrap();
}

#[test]
fn a_key_comes_from_the_environment_or_else_is_asked_for() {
    let token = |command: &mut Command| run(command.args(["sign", "--now", "1"]), "{}").stdout;
    let keys = file(Some(KEY));
    let binary = || Command::new(env!("CARGO_BIN_EXE_session"));
    let from_file = run(binary().args(["sign", "--now", "1", "--secret-file", text(&keys)]), "{}");
    let from_environment =
        run(binary().args(["sign", "--now", "1", "--secret-env", "KEY_OF_TEST"]).env("KEY_OF_TEST", KEY), "{}");
    assert_eq!(from_environment.stdout, from_file.stdout);
    assert_eq!(token(&mut binary()), "", "no key is given");
    let missing = run(binary().args(["sign", "--secret-env", "KEY_OF_TEST"]), "{}");
    assert_eq!(
        (missing.code, missing.stderr.as_str()),
        (3, "session: the environment variable KEY_OF_TEST is not set.\n")
    );
    let empty = run(binary().args(["sign", "--secret-env", "KEY_OF_TEST"]).env("KEY_OF_TEST", ""), "{}");
    assert_eq!((empty.code, empty.stderr.as_str()), (3, "session: the environment variable KEY_OF_TEST is empty.\n"));
    std::fs::remove_file(keys).unwrap();
}

/// Returns `true` if the terminal that `script` made for its command shows no typed characters.
fn echo_is_off(script: u32) -> bool {
    let children = std::fs::read_to_string(format!("/proc/{script}/task/{script}/children")).expect("Linux tells them");
    let Some(child) = children.split_whitespace().next() else { return false };
    let Ok(terminal) = std::fs::read_link(format!("/proc/{child}/fd/0")) else { return false };
    let settings = Command::new("stty").arg("--all").arg("--file").arg(terminal).output().expect("coreutils are there");
    String::from_utf8_lossy(&settings.stdout).split_whitespace().any(|setting| setting == "-echo")
}

#[test]
fn a_key_that_is_typed_is_not_echoed() {
    let token = session(&["inspect", "--help"], "").stdout;
    assert!(!token.contains("--secret "), "a key is no argument");
    let keys = file(Some(KEY));
    let token = session(&["sign", "--secret-file", text(&keys)], "{}").stdout;
    let command = format!("{} inspect --prompt {}", env!("CARGO_BIN_EXE_session"), token.trim());
    // `script` of util-linux gives the command a terminal.
    let mut terminal = Command::new("script");
    terminal.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
    let mut child = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut shown = [0; 5];
    output.read_exact(&mut shown).unwrap();
    assert_eq!(&shown, b"Key: ");
    // The echo ends just after the command has asked.
    let start = Instant::now();
    while !echo_is_off(child.id()) {
        assert!(start.elapsed() < Duration::from_secs(10), "the echo stays on");
    }
    writeln!(input, "{KEY}").unwrap();
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("Accepted.") && !rest.contains(KEY), "{rest}");
    assert!(child.wait().unwrap().success());
    std::fs::remove_file(keys).unwrap();
}

#[test]
fn new_keys_are_random_strong_and_for_their_owner() {
    let [one, other] = [(); 2].map(|()| session(&["key", "new"], "").stdout);
    assert!(one != other && one.trim().len() == 43, "{}", one.len());
    let path = file(None);
    let made = session(&["key", "new", "--out", text(&path)], "");
    assert_eq!((made.code, made.stdout.as_str()), (0, ""));
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions()) & 0o777,
        0o600
    );
    let kept = std::fs::read_to_string(&path).unwrap();
    assert_eq!(session(&["key", "new", "--out", text(&path)], "").code, 3, "a key is never overwritten");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), kept);
    std::fs::remove_file(path).unwrap();
}

/// The exit code, the findings and the next step from one list of keys to another.
fn rotation(old: &[&str], new: &[&str]) -> (i32, Value) {
    rotation_with(&[], old, new)
}

fn rotation_with(signing: &[&str], old: &[&str], new: &[&str]) -> (i32, Value) {
    let (old, new) = (file(Some(&old.join("\n"))), file(Some(&new.join("\n"))));
    let arguments = ["rotate", "check", "--json", "--old-file", text(&old), "--new-file", text(&new)];
    let output = session(&[&arguments, signing].concat(), "");
    assert!(![KEY, NEXT].iter().any(|key| output.stdout.contains(key)));
    for path in [old, new] {
        std::fs::remove_file(path).expect("the file is there");
    }
    (output.code, serde_json::from_str(&output.stdout).expect("the report is JSON"))
}

#[test]
fn a_change_of_the_digest_or_derivation_is_a_change_of_all_keys() {
    let sha256 = ["--digest", "sha256"];
    assert_eq!(rotation_with(&sha256, &[KEY], &[KEY]).0, 0, "both lists sign with it");
    assert_eq!(rotation_with(&[sha256, ["--old-digest", "sha256"]].concat(), &[KEY], &[KEY]).0, 0);
    let hmac = ["--derivation", "hmac", "--old-derivation", "django-concat"];
    for signing in [&[sha256, ["--old-digest", "sha1"]].concat()[..], &hmac] {
        let (code, report) = rotation_with(signing, &[KEY, NEXT], &[KEY]);
        assert_eq!((code, &report["old_keys"][0]["cookies_stay_valid"]), (1, &false.into()), "{report}");
        assert!(report["next"].as_str().unwrap().contains("with their own digest and derivation"), "{report}");
    }
    let old = file(Some(KEY));
    let wrong = ["rotate", "check", "--old-file", text(&old), "--new-file", text(&old), "--digest", "md5"];
    let output = session(&wrong, "");
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("sha256"), "the error names the digests: {}", output.stderr);
    std::fs::remove_file(old).unwrap();
}

#[test]
fn each_step_of_a_rotation_is_safe_and_names_the_next() {
    for (old, new, code, next) in [
        (&[KEY][..], &[KEY][..], 0, "nothing"),
        (&[KEY], &[KEY, KEY], 0, "nothing"),
        (&[KEY], &[KEY, NEXT], 0, "Then move the added key to the first line"),
        (&[KEY, NEXT], &[NEXT, KEY], 0, "Remove the old keys 14days after"),
        (&[NEXT, KEY], &[NEXT], 1, "once old key 1"),
        (&[KEY], &[NEXT, KEY], 1, "deploy new key 1 below the first line"),
        (&[KEY], &[NEXT], 1, "keep old key 1 in the new list"),
    ] {
        let (got, report) = rotation(old, new);
        assert_eq!(got, code, "{report}");
        assert!(report["next"].as_str().unwrap().contains(next), "{report}");
        let stay =
            report["old_keys"].as_array().unwrap().iter().map(|key| key["cookies_stay_valid"].as_bool().unwrap());
        assert!(stay.eq(old.iter().map(|key| new.contains(key))), "{report}");
    }
    let (_, report) = rotation(&[KEY], &[KEY, "short"]);
    assert!(report["findings"][0].as_str().unwrap().starts_with("New key 2 is refused: "), "{report}");
}

#[test]
fn completions_know_all_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = session(&["completions", shell], "").stdout;
        for word in ["inspect", "sign", "rotate", "secret-file"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn a_reader_that_ends_early_is_no_failure() {
    let keys = file(Some(KEY));
    let token = session(&["sign", "--secret-file", text(&keys)], "{}").stdout;
    for arguments in [&["inspect", "--secret-file", text(&keys), token.trim()][..], &["completions", "bash"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_session"));
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command.args(arguments).stdout(writer).output().unwrap();
        assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]), "{arguments:?}");
    }
    std::fs::remove_file(keys).unwrap();
}

#[test]
fn wrong_arguments_and_missing_files_have_their_exit_codes() {
    assert_eq!(session(&["inspect"], "").code, 2);
    for (arguments, said) in [
        (["--now", "soon"], "invalid value 'soon' for '--now <SECONDS>': a Unix time in whole seconds is required"),
        (["--cookie-name", "a b"], "invalid value 'a b' for '--cookie-name <NAME>': "),
    ] {
        let output = session(&[&["inspect", "x"], &arguments[..]].concat(), "");
        assert!(output.code == 2 && output.stderr.contains(said), "{}", output.stderr);
    }
    let output = session(&["inspect", "--secret-file", "no/such/file", "x"], "");
    assert_eq!(output.code, 3);
    assert!(output.stderr.starts_with("session: can't read no/such/file: "), "{}", output.stderr);
    let unverified = session(&["inspect", "--json", "eyJhIjogMX0=.ZVPxAA.FdFGnltuWS2hDs3eecuXCwu5b44"], "");
    assert_eq!(unverified.code, 1);
    assert!(unverified.stdout.contains("\"cause\": \"no-key\""), "{}", unverified.stdout);
}
