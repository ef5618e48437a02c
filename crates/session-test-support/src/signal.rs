//! Signals to the programs that tests have started.

use std::process::Command;
use std::time::{Duration, Instant};

/// Sends a signal to a process. After a `STOP` none of its threads runs any more.
pub fn signal(name: &str, process: u32) {
    let status = Command::new("kill").args(["-s", name, &process.to_string()]).status();
    let sent = status.expect("there is a kill command").success();
    // A process that has ended by itself need not be killed.
    assert!(sent || name == "KILL", "no process {process} for {name}");
    if name == "STOP" {
        // The system stops the threads one by one, which may take a while.
        let begin = Instant::now();
        while !has_stopped(process) {
            assert!(begin.elapsed() < Duration::from_secs(20), "process {process} does not stop");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn has_stopped(process: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else {
        // Without `/proc` the state can't be read, so this waits for a while instead.
        std::thread::sleep(Duration::from_millis(200));
        return true;
    };
    threads.flatten().all(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // The state follows the name, which is in parentheses and may itself contain some.
        stat.rsplit(") ").next().is_some_and(|state| state.starts_with('T'))
    })
}
