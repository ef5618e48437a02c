//! Signals to the servers that tests have started.

use std::process::Command;
use std::time::{Duration, Instant};

/// Sends a signal to a process. After a `STOP` none of its threads runs any more: the system stops them one by one, and
/// may take its time for it.
pub(crate) fn signal(name: &str, process: u32) {
    let status = Command::new("kill").args(["-s", name, &process.to_string()]).status();
    let sent = status.expect("there is a kill command").success();
    // One that has ended by itself need not be killed.
    assert!(sent || name == "KILL", "no process {process} for {name}");
    if name == "STOP" {
        let begin = Instant::now();
        while !has_stopped(process) {
            assert!(begin.elapsed() < Duration::from_secs(20), "process {process} does not stop");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Without a `/proc` to read from, waits a while.
fn has_stopped(process: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else {
        std::thread::sleep(Duration::from_millis(200));
        return true;
    };
    threads.flatten().all(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // The state follows the name, which stands in parentheses and may itself have some.
        stat.rsplit(") ").next().is_some_and(|state| state.starts_with('T'))
    })
}
