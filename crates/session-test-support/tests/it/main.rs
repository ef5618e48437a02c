//! The helpers keep their word.

use std::process::Command;

use session_test_support::{Browser, Process};

fn shell(script: &str) -> Process {
    Process::start(Command::new("sh").args(["-c", script]))
}

#[test]
fn a_program_is_spoken_to_line_by_line() {
    let mut program = shell("echo listening on here; read -r line; echo \"$line $line\"; echo bye >&2; exit 3");
    assert_eq!(program.read_after("listening on "), "here");
    program.write_line("hello");
    assert_eq!(program.read_line(), "hello hello");
    assert_eq!(program.next_line(), None);
    let (status, stderr) = program.wait();
    assert_eq!((status.code(), stderr.as_str()), (Some(3), "bye\n"));
}

#[test]
fn a_program_is_ended_by_a_signal() {
    let mut program = shell("trap 'echo caught >&2; exit 0' TERM; echo ready; while :; do sleep 0.01; done");
    program.read_line();
    let (status, stderr) = program.stop("TERM");
    assert_eq!((status.code(), stderr.as_str()), (Some(0), "caught\n"));
}

#[test]
fn a_program_that_is_dropped_is_killed() {
    let mut program = shell("echo $$; exec sleep 1000");
    let id = program.read_line();
    let is_running = || Command::new("kill").args(["-0", &id]).output().is_ok_and(|output| output.status.success());
    assert!(is_running());
    drop(program);
    assert!(!is_running());
}

#[test]
#[should_panic(expected = "no such file or option")]
fn a_program_that_ended_too_early_is_a_panic_with_its_error_output() {
    shell("echo no such file or option >&2; exit 1").read_line();
}

#[test]
fn a_removal_with_other_attributes_removes_no_cookie() {
    let mut browser = Browser::with_cookie("id=a; Path=/; Domain=example.com");
    browser.set("id=; Path=/; Max-Age=0");
    assert_eq!(browser.header(), "id=a");
    browser.set("id=; Path=/; Domain=example.com; Max-Age=0");
    assert!(!browser.has_cookie());
}
