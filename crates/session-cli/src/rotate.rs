//! `session rotate check`.

use anyhow::Result;
use serde::Serialize;
use session_core::SessionConfig;

use crate::args::RotateArgs;
use crate::secrets::{self, Secret};
use crate::{Answer, say};

#[derive(Serialize)]
struct Report {
    /// `true` if servers with either list accept the cookies that servers with the other list sign.
    safe: bool,
    old_keys: Vec<OldKey>,
    findings: Vec<String>,
    next: String,
}

#[derive(Serialize)]
struct OldKey {
    number: usize,
    signs: bool,
    cookies_stay_valid: bool,
}

pub(crate) fn run(args: &RotateArgs) -> Result<Answer> {
    let old = secrets::read_file(&args.old_file)?;
    let new = secrets::read_file(&args.new_file)?;
    let signed_alike = args.old_digest.is_none_or(|digest| digest == args.digest)
        && args.old_derivation.is_none_or(|derivation| derivation == args.derivation);
    let report = check(&old, &new, signed_alike, &humantime::format_duration(args.max_age).to_string());
    if args.json {
        say!("{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        for key in &report.old_keys {
            let signs = if key.signs { ", which signs today" } else { "" };
            let fate = if key.cookies_stay_valid { "stay valid" } else { "become invalid" };
            say!("Cookies of old key {}{signs}: {fate}.", key.number)?;
        }
        report.findings.iter().try_for_each(|finding| say!("{finding}"))?;
        say!("Next: {}", report.next)?;
    }
    Ok(if report.safe { Answer::Yes } else { Answer::No })
}

/// Compares the lists. Unless both are `signed_alike`, with one digest and derivation, no key of one is a key of the other.
fn check(old: &[Secret], new: &[Secret], signed_alike: bool, max_age: &str) -> Report {
    let old_keys: Vec<OldKey> = (1..)
        .zip(old)
        .map(|(number, key)| OldKey {
            number,
            signs: number == 1,
            cookies_stay_valid: signed_alike && new.contains(key),
        })
        .collect();
    let mut findings: Vec<String> = (1..).zip(new).filter_map(|(number, key)| weakness(number, key)).collect();
    let lost = old_keys.iter().filter(|key| !key.cookies_stay_valid).count();
    let is_known = signed_alike && old.contains(&new[0]);
    let same = is_known && old[0] == new[0] && lost == 0 && new.iter().all(|key| old.contains(key));
    if !is_known {
        findings.push(
            "While servers with the old list still run, they refuse the cookies of new key 1, because it is not in their \
             list."
                .to_owned(),
        );
    }
    let next = if !signed_alike {
        format!(
            "let the new configuration also verify the old keys with their own digest and derivation, for {max_age}: \
             `verify_key` with a `Key`, or `verify_keys` in the settings. Let the old configuration verify the new keys \
             before."
        )
    } else if same {
        "nothing, because both lists have the same keys.".to_owned()
    } else if !old_keys[0].cookies_stay_valid {
        format!(
            "keep old key 1 in the new list, below its first line, for {max_age}. Without it every user is logged out."
        )
    } else if !is_known {
        "deploy new key 1 below the first line to all servers, and move it to the first line afterwards.".to_owned()
    } else if new[0] != old[0] {
        format!("deploy the new list. Remove the old keys {max_age} after the last server has it.")
    } else if lost > 0 {
        format!("deploy the new list once old key 1 has signed all cookies for {max_age}.")
    } else {
        "deploy the new list to all servers. Then move the added key to the first line.".to_owned()
    };
    Report { safe: lost == 0 && is_known, old_keys, findings, next }
}

/// Returns a sentence about a key that a configuration would refuse.
fn weakness(number: usize, key: &Secret) -> Option<String> {
    let error = SessionConfig::builder(key.as_slice(), "session").build().err()?;
    Some(format!("New key {number} is refused: {error}."))
}
