//! The time of an operation on a session, by the number of its keys.

use std::fmt::Write;
use std::time::Duration;

use anyhow::Result;
use session_bench::mode::runtime;
use session_bench::session::{COOKIE, SECRET};
use session_core::{MemoryBackend, Session, SessionConfig, SessionHandle, SessionManager, SessionMap};
use tokio::runtime::Runtime;

use super::machine;
use super::timer::Timer;
use crate::results::{load, save, thousands};

const PART: &str = "keys";

const KEYS: [u32; 5] = [10, 100, 1_000, 10_000, 100_000];

type Name = fn(u32) -> String;

/// Ways in which a client may name its keys.
const NAMES: [(&str, Name); 2] = [("", |number| format!("{number}")), (", escaped", |number| format!("\n{number}"))];

#[derive(serde::Deserialize, serde::Serialize)]
struct Numbers {
    machine: String,
    /// The nanoseconds that an operation takes for one key, by its name and by [`KEYS`].
    operations: Vec<(String, Vec<f64>)>,
}

/// Measures all times.
///
/// # Errors
///
/// Returns an error if criterion can't write.
pub fn measure() -> Result<()> {
    let mut timer = Timer::new()?;
    let runtime = runtime();
    let mut operations: Vec<(String, Vec<f64>)> = Vec::new();
    for (style, name) in NAMES {
        let first = operations.len();
        for count in KEYS {
            let keys: Vec<String> = (0..count).map(name).collect();
            let times = times(&mut timer, &runtime, &format!("{count} keys{style}"), &keys)?;
            for (row, (operation, nanoseconds)) in times.into_iter().enumerate() {
                if operations.len() == first + row {
                    operations.push((format!("{operation}{style}"), Vec::new()));
                }
                operations[first + row].1.push(nanoseconds / f64::from(count));
            }
        }
    }
    save(PART, &Numbers { machine: machine::describe()?, operations })
}

/// Returns the nanoseconds that each operation takes for all keys.
fn times(timer: &mut Timer, runtime: &Runtime, unit: &str, keys: &[String]) -> Result<Vec<(&'static str, f64)>> {
    let map = |value: u32| keys.iter().map(|key| (key, value.into())).collect::<SessionMap>();
    let text = map(1).into_json();
    let parsed = || SessionMap::from_json(&*text).expect("a map writes what it reads");
    let (equal, longer) = (map(1), map(23));
    let manager = manager()?;
    let cookie = stored(&manager, runtime, &equal);
    let load = || load_session(&manager, runtime, &cookie);
    let conflict = || {
        let cookie = stored(&manager, runtime, &equal);
        let [slow, fast] = [(); 2].map(|()| load_session(&manager, runtime, &cookie));
        slow.1.extend(&longer).expect("a map can be taken in");
        fast.1.insert("other", 1).expect("a number can be inserted");
        assert!(runtime.block_on(fast.0.commit(200)).error.is_none(), "the first commit succeeds");
        slow
    };
    let named = |operation| format!("{operation} {unit}");
    Ok(vec![
        (
            "insert",
            timer.time_on(&named("insert"), SessionMap::new, |mut map| {
                let inserted = keys.iter().filter(|key| map.insert(key, 1).is_ok()).count();
                (map, inserted)
            })?,
        ),
        (
            "get",
            timer.time_on(&named("get"), parsed, |map| {
                let found = keys.iter().filter(|key| map.get(key) == Ok(Some(1))).count();
                (map, found)
            })?,
        ),
        (
            "merge equal values",
            timer
                .time_on(&named("merge equal"), load, |(handle, session)| (session.extend(&equal), session, handle))?,
        ),
        (
            "merge other values",
            timer
                .time_on(&named("merge other"), load, |(handle, session)| (session.extend(&longer), session, handle))?,
        ),
        (
            "remove",
            timer.time_on(&named("remove"), parsed, |mut map| {
                let removed = keys.iter().filter(|key| map.remove(key)).count();
                (map, removed)
            })?,
        ),
        (
            "commit after a conflict",
            timer.time_on(&named("replay"), conflict, |(handle, session)| {
                let error = runtime.block_on(handle.commit(200)).error;
                assert!(error.is_none(), "the changes are replayed: {error:?}");
                session
            })?,
        ),
    ])
}

fn manager() -> Result<SessionManager> {
    let config = SessionConfig::builder(SECRET, COOKIE)
        .max_session_bytes(1 << 24)
        .max_keys(1 << 20)
        .request_deadline(Duration::from_secs(60));
    Ok(SessionManager::new(
        config.backend(MemoryBackend::builder().max_sessions(100).max_bytes(usize::MAX).build()).build()?,
    ))
}

/// Stores a session and returns its cookie.
fn stored(manager: &SessionManager, runtime: &Runtime, map: &SessionMap) -> String {
    let (handle, session) = load_session(manager, runtime, "");
    session.extend(map).expect("a map can be taken in");
    let set_cookie = runtime.block_on(handle.commit(200)).set_cookie.expect("a new session has a cookie");
    set_cookie.as_str().split(';').next().unwrap_or_default().to_owned()
}

fn load_session(manager: &SessionManager, runtime: &Runtime, cookie: &str) -> (SessionHandle, Session) {
    let handle = manager.open([cookie.as_bytes()]);
    let session = runtime.block_on(handle.load()).expect("the store answers");
    (handle, session)
}

/// Writes the section of this part.
///
/// # Errors
///
/// Returns an error if this part has not been measured.
pub fn report() -> Result<String> {
    let Numbers { machine, operations } = load(PART)?;
    let sizes = KEYS.map(|count| thousands(f64::from(count))).join(" | ");
    let mut text = format!(
        "## Sessions of many keys\n\n\
         Median times by criterion, for each key: an operation on all keys of a session with this many, divided by their \
         number. *Get* and *remove* begin with a text that was just parsed; the *merges* with a stored session that has the \
         keys; the *commit* writes all keys to a session that another request has changed. *Escaped*: each key begins with \
         a line feed. Measured on {machine}, beside other work: the rows show how the times grow.\n\n| ns per key | {sizes} |\n|---|{}\n",
        "---:|".repeat(KEYS.len())
    );
    for (operation, nanoseconds) in operations {
        let cells: Vec<String> = nanoseconds.into_iter().map(thousands).collect();
        writeln!(text, "| {operation} | {} |", cells.join(" | "))?;
    }
    Ok(text)
}
