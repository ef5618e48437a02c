//! Scenarios in a real browser.

use std::process::{Command, Stdio};

/// Plays the scenarios of `xtask/node/browser` with a demo server, and shows how each went.
pub fn play_in_browser(program: &str) {
    let scenarios = std::env::var_os("SESSION_BROWSER").expect(
        "SESSION_BROWSER is not set: run these tests with `cargo xtask test`, which installs Chromium and its driver",
    );
    let mut command = Command::new("node");
    command.arg("--test-reporter=spec").arg(scenarios).arg(program).stdin(Stdio::piped());
    let mut node = command.spawn().expect("there is a node");
    // The scenarios end when their standard input does: after `wait`, or if the test is killed.
    let _stdin = node.stdin.take();
    let status = node.wait().expect("it is a child of this process");
    assert!(status.success(), "a scenario failed, see above");
}
