//! `session doctor`: tests a store in the way that a service uses it.

use std::time::{Duration, Instant, SystemTime};

use anyhow::Result;
use serde::Serialize;
use session_core::{
    AtomicBackend, BackendError, BackendErrorKind, Create, Remove, Replace, SessionMap, StoreFuture, WriteOutcome,
};

use super::open::{TimeReply, open};
use super::warnings;
use crate::args::DoctorArgs;
use crate::{Answer, say};

/// The lifetime of the test session.
const TTL: Duration = Duration::from_secs(60);

/// The longest time of a call to a healthy store, a fifth of a service's default deadline.
const SLOW: Duration = Duration::from_millis(50);

/// The largest difference of clocks that needs no advice, half of a service's default clock skew.
const SKEW: Duration = Duration::from_secs(5);

#[derive(Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

pub(super) async fn run(args: &DoctorArgs) -> Result<Answer> {
    let opened = open(&args.store)?;
    let key = format!("{}doctor-{}-{:?}", args.store.key_prefix, std::process::id(), Instant::now().elapsed());
    warnings::listen();
    let mut checks = examine(&*opened.backend, &key.replace(' ', "")).await;
    if checks.iter().all(|check| check.name != "connect" || check.ok) {
        checks.push(compare_clocks(opened.time).await);
    }
    let logged = warnings::taken();
    checks.push(Check { name: "warnings", ok: logged.is_empty(), problem: (!logged.is_empty()).then_some(logged) });
    let healthy = checks.iter().all(|check| check.ok);
    if args.json {
        say!("{}", serde_json::to_string_pretty(&checks)?)?;
    } else {
        for Check { name, ok, problem } in &checks {
            let mark = if *ok { "ok      " } else { "PROBLEM " };
            say!("{mark}{name}{}", problem.as_ref().map_or(String::new(), |problem| format!(": {problem}")))?;
        }
    }
    Ok(if healthy { Answer::Yes } else { Answer::No })
}

/// Runs the checks up to the first call that fails, because later calls depend on it.
async fn examine(store: &dyn AtomicBackend, key: &str) -> Vec<Check> {
    let mut checks = Vec::new();
    let (mut session, mut changed) = (SessionMap::new(), SessionMap::new());
    if session.insert("doctor", 1).is_err() || changed.insert("doctor", 2).is_err() {
        return checks;
    }
    let user_key = format!("{key}-user");
    let user = Some(user_key.as_str());
    if tried(&mut checks, "connect", store.fetch(key)).await.is_none() {
        return checks;
    }
    let started = Instant::now();
    let created = tried(&mut checks, "create", store.create(Create::new(key, &session, TTL).of_user(user))).await;
    let Some(WriteOutcome::Done(version)) = created else { return unexpected(checks) };
    let read = tried(&mut checks, "read", store.fetch(key)).await;
    if !matches!(&read, Some(Some(stored)) if stored.session == session) {
        return unexpected(checks);
    }
    let replaced =
        tried(&mut checks, "write", store.replace(Replace::new(key, &changed, TTL, &version).of_user(user))).await;
    let Some(WriteOutcome::Done(_)) = replaced else { return unexpected(checks) };
    // This version is outdated.
    let stale =
        tried(&mut checks, "compare-and-set", store.replace(Replace::new(key, &session, TTL, &version).of_user(user)))
            .await;
    if !matches!(stale, Some(WriteOutcome::Conflict(_))) {
        return unexpected(checks);
    }
    let Some(WriteOutcome::Done(())) = tried(&mut checks, "delete", store.remove(Remove::new(key).of_user(user))).await
    else {
        return unexpected(checks);
    };
    if !matches!(tried(&mut checks, "read after delete", store.fetch(key)).await, Some(None)) {
        return unexpected(checks);
    }
    let each = started.elapsed() / 6;
    let slow = format!(
        "a call takes {} ms, and a request may wait for 250 ms in all: is the store far away?",
        each.as_millis()
    );
    checks.push(Check { name: "speed", ok: each < SLOW, problem: (each >= SLOW).then_some(slow) });
    let index = "the store has no index of users, so `sessions_of` and `revoke` don't work";
    let no_index = store.user_index().is_none() && store.user_epochs().is_none();
    checks.push(Check { name: "users", ok: !no_index, problem: no_index.then(|| index.to_owned()) });
    checks
}

/// Compares the store's clock with the one of this machine.
async fn compare_clocks(store: TimeReply) -> Check {
    let sent = SystemTime::now();
    let problem = match store.await {
        Ok(time) => out_of_step(time, sent, SystemTime::now()).map(|skew| {
            format!(
                "the store's clock is {skew} this machine's: run NTP on both, because servers whose clocks differ by \
                 more than `clock_skew`, by default 10 s, refuse each other's cookies"
            )
        }),
        Err(error) => Some(explained(&error)),
    };
    Check { name: "clock", ok: problem.is_none(), problem }
}

/// Tells how far a time is outside of the interval in which it was asked for, if that is too far.
fn out_of_step(time: SystemTime, sent: SystemTime, received: SystemTime) -> Option<String> {
    let (behind, ahead) = (sent.duration_since(time), time.duration_since(received));
    match (behind, ahead) {
        (Ok(behind), _) if behind > SKEW => Some(format!("{} s behind", behind.as_secs())),
        (_, Ok(ahead)) if ahead > SKEW => Some(format!("{} s ahead of", ahead.as_secs())),
        _ => None,
    }
}

/// Makes a call, and records its result.
async fn tried<T>(checks: &mut Vec<Check>, name: &'static str, call: StoreFuture<'_, T>) -> Option<T> {
    match call.await {
        Ok(answer) => {
            checks.push(Check { name, ok: true, problem: None });
            Some(answer)
        }
        Err(error) => {
            checks.push(Check { name, ok: false, problem: Some(explained(&error)) });
            None
        }
    }
}

/// Marks the last check as failed, unless it is already, because the store's answer is wrong.
fn unexpected(mut checks: Vec<Check>) -> Vec<Check> {
    if let Some(last) = checks.last_mut()
        && last.ok
    {
        last.ok = false;
        last.problem = Some("the store's answer is wrong: is there a proxy or a replica in between?".to_owned());
    }
    checks
}

pub(super) fn explained(error: &BackendError) -> String {
    let advice = match error.kind() {
        BackendErrorKind::Unavailable => {
            "start the server, correct its address or the path of the file, or create the table of a database"
        }
        BackendErrorKind::Timeout => "look at the server's load and the network",
        BackendErrorKind::Refused => "correct user, password and rights",
        BackendErrorKind::TooLarge => "raise the server's limit for values",
        _ => "look at the server's log",
    };
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    format!("{text}; {advice}")
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    async fn checked(ahead: i64) -> Option<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let time = UNIX_EPOCH + Duration::from_secs(now.checked_add_signed(ahead).unwrap());
        compare_clocks(Box::pin(async move { Ok(time) })).await.problem
    }

    #[tokio::test]
    async fn clocks_that_differ_by_more_than_five_seconds_are_a_problem() {
        for ahead in [-4, -1, 0, 1, 4] {
            assert_eq!(checked(ahead).await, None, "{ahead}");
        }
        for (ahead, said) in [(-3600, "3600 s behind this"), (-8, " s behind this"), (8, " s ahead of this")] {
            let problem = checked(ahead).await.unwrap_or_else(|| panic!("{ahead} seconds"));
            assert!(problem.contains("NTP") && problem.contains(said), "{problem}");
        }
    }
}
