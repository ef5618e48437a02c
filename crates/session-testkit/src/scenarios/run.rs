//! Runs the table.

use std::time::Duration;

use session_core::{MemoryBackend, SessionConfig};

use super::table::{Cookie, Expected, MAX_AGE, SCENARIOS, Scenario, Step, UNCACHED};
use super::{App, Driver, Report, Request, Response, Verdict};
use crate::{Fault, Operation, Probe, SimpleMemory, TestClock};

const COOKIE_NAME: &str = "id";

/// The place of the sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Cookie,
    AtomicStore,
    SimpleStore,
}

/// Runs all scenarios. Each one starts its own application.
///
/// # Panics
///
/// If the driver panics.
pub async fn check(driver: &impl Driver) -> Report {
    let mut results = Vec::new();
    for scenario in SCENARIOS {
        let mut verdict = Verdict::Passed;
        for mode in [Mode::Cookie, Mode::AtomicStore, Mode::SimpleStore] {
            if scenario.needs_store && mode == Mode::Cookie {
                continue;
            }
            if let Err(difference) = run(driver, scenario, mode).await {
                verdict = Verdict::Failed(format!("mode {mode:?}: {difference}"));
                break;
            }
        }
        results.push((scenario.name, verdict));
    }
    Report { results }
}

async fn run(driver: &impl Driver, scenario: &Scenario, mode: Mode) -> Result<(), String> {
    let clock = TestClock::at(1_700_000_000);
    let probe = Probe::new();
    let mut config = SessionConfig::builder("a secret of thirty-two bytes or more", COOKIE_NAME)
        .max_age(Duration::from_secs(MAX_AGE))
        .clock(clock.clone());
    config = match mode {
        Mode::Cookie => config,
        Mode::AtomicStore => config.backend(probe.watch(MemoryBackend::builder().clock(clock.clone()).build())),
        Mode::SimpleStore => config.backend(probe.watch_simple(SimpleMemory::with_clock(clock.clone()))),
    };
    let app = driver.start(config.build().map_err(|error| error.to_string())?).await;

    let mut cookie: Option<String> = None;
    for step in scenario.steps {
        match step {
            Step::Get(expected) => {
                probe.calls();
                let request = Request { path: expected.path.to_owned(), cookie: cookie.clone() };
                let response = app.send(request).await;
                let difference = |what: String| format!("GET {}: {what}", expected.path);
                cookie = compare(expected, mode, cookie, &response).map_err(difference)?;
                let calls = probe.calls();
                if expected.path.starts_with("/untouched") && !calls.is_empty() {
                    return Err(difference(format!("the store was asked: {calls:?}")));
                }
            }
            // Changes the last character but one, because not all bits of the last one count.
            Step::Forge => cookie = cookie.map(|cookie| forged(&cookie)),
            Step::StoreGoesDown => probe.fail(Operation::All, Fault::Down),
            Step::StoreComesUp => probe.heal(),
            Step::Pass(seconds) => clock.advance(Duration::from_secs(*seconds)),
        }
    }
    Ok(())
}

fn forged(cookie: &str) -> String {
    let (start, end) = cookie.split_at(cookie.len().saturating_sub(2));
    let other = if end.starts_with('A') { "B" } else { "A" };
    format!("{start}{other}{}", end.get(1..).unwrap_or_default())
}

/// Compares a response with the expected one. Returns the cookie that the client has afterwards.
fn compare(
    expected: &Expected,
    mode: Mode,
    cookie: Option<String>,
    response: &Response,
) -> Result<Option<String>, String> {
    let same = |what: &str, found: &str, wanted: &str| {
        if found == wanted { Ok(()) } else { Err(format!("{what} is {found:?}, not {wanted:?}")) }
    };
    same("status", &response.status.to_string(), &expected.status.to_string())?;
    same("body", response.body.trim_end(), expected.body)?;
    let joined = |name| response.values(name).collect::<Vec<_>>().join(", ");
    same("vary", &joined("vary"), expected.vary)?;
    same("retry-after", &joined("retry-after"), expected.retry_after)?;

    let own = format!("{COOKIE_NAME}=");
    let (session, other): (Vec<_>, Vec<_>) = response.values("set-cookie").partition(|value| value.starts_with(&own));
    same("the handler's own cookie", &other.join(", "), expected.other_cookie)?;
    let cookie_wanted = match expected.cookie {
        Cookie::SetIfItIsTheSession if mode == Mode::Cookie => Cookie::Set,
        Cookie::SetIfItIsTheSession => Cookie::Kept,
        same => same,
    };
    let (found, cookie) = match session[..] {
        [] => (Cookie::Kept, cookie),
        [value] if value.contains("Max-Age=0") => (Cookie::Removed, None),
        [value] => (Cookie::Set, value.split(';').next().map(str::to_owned)),
        _ => return Err(format!("it sets the session's cookie {} times", session.len())),
    };
    same("the session's cookie", &format!("{found:?}"), &format!("{cookie_wanted:?}"))?;
    let cache_control = match expected.cache_control {
        UNCACHED if found == Cookie::Kept => "",
        UNCACHED => "no-store",
        other => other,
    };
    same("cache-control", &joined("cache-control"), cache_control)?;
    Ok(cookie)
}
