//! Servers in processes of their own, and signals to them.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A server that is killed when this is dropped or when the test program ends in whatever way. Its folder is then deleted.
pub(crate) struct Process {
    /// A shell that does so as soon as its standard input ends.
    guard: Child,
    id: u32,
}

/// Starts a program whose output goes to `log` in a folder. A line on the standard input keeps the folder.
const GUARD: &str = r#"
    folder=$1; shift
    "$@" >>"$folder/log" 2>&1 &
    echo $!
    read -r keep
    kill -9 $! 2>/dev/null
    wait
    [ "$keep" ] || rm -rf "$folder"
"#;

impl Process {
    pub(crate) fn start(words: &[String], folder: &Path) -> Self {
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "sh"])
            .arg(folder)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("there is a shell");
        let mut line = String::new();
        let stdout = guard.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the shell says the id of the process");
        Self { id: line.trim().parse().expect("an id is a number"), guard }
    }

    /// Stops the process and its children. Their connections stay open.
    pub(crate) fn pause(&self) {
        for id in self.family() {
            signal("STOP", id);
        }
    }

    pub(crate) fn resume(&self) {
        for id in self.family() {
            signal("CONT", id);
        }
    }

    /// Kills the process and its children, as a loss of power would end them. The folder stays.
    pub(crate) fn kill(self) {
        // It then makes no more children.
        signal("STOP", self.id);
        let family = self.family();
        for id in &family {
            signal("KILL", *id);
        }
        wait_for_end(&family);
        self.end();
    }

    /// Sends a signal that asks the process to end, and waits until it has ended. The folder stays.
    pub(crate) fn stop(self, name: &str) {
        signal(name, self.id);
        wait_for_end(&[self.id]);
        self.end();
    }

    fn end(mut self) {
        let mut stdin = self.guard.stdin.take().expect("it is piped");
        stdin.write_all(b"keep\n").expect("the shell reads it");
    }

    /// Returns the process and its children, the parent first, so that it makes no more of them.
    fn family(&self) -> Vec<u32> {
        let processes = fs::read_dir("/proc").expect("there is a /proc").flatten();
        let ids = processes.filter_map(|process| process.file_name().to_str()?.parse::<u32>().ok());
        let children = ids.filter(|id| status(*id).is_some_and(|(_, parent)| parent == self.id));
        [self.id].into_iter().chain(children).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        self.guard.wait().expect("the shell ends");
    }
}

fn wait_for_end(ids: &[u32]) {
    let start = Instant::now();
    while ids.iter().any(|id| status(*id).is_some_and(|(state, _)| state != "Z")) {
        assert!(start.elapsed() < Duration::from_secs(30), "the server does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Returns the state of a process and its parent.
fn status(id: u32) -> Option<(String, u32)> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // Both follow the name, which stands in parentheses and may itself have some.
    let mut words = text.rsplit(") ").next()?.split(' ');
    Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
}

fn signal(name: &str, id: u32) {
    let _may_be_gone = Command::new("kill").args(["-s", name, &id.to_string()]).stderr(Stdio::null()).status();
    if name == "STOP" {
        let start = Instant::now();
        while status(id).is_some_and(|(state, _)| !matches!(&*state, "T" | "Z")) {
            assert!(start.elapsed() < Duration::from_secs(20), "process {id} does not stop");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Returns the words that run a program as a user of this name, if this process is root: such servers refuse root.
pub(crate) fn as_user(name: &str, words: &[&str]) -> Vec<String> {
    let user = [format!("--reuid={name}"), format!("--regid={name}"), "--clear-groups".to_owned()];
    let prefix = if is_root() { ["setpriv".to_owned()].into_iter().chain(user).collect() } else { Vec::new() };
    prefix.into_iter().chain(words.iter().map(ToString::to_string)).collect()
}

/// Runs a program to its end.
pub(crate) fn run(words: &[impl AsRef<OsStr>]) {
    let output = Command::new(&words[0]).args(&words[1..]).output();
    let output =
        output.unwrap_or_else(|error| panic!("{:?}: {error}: `cargo xtask test` installs it", words[0].as_ref()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Makes a folder that a user of this name owns.
pub(crate) fn folder_of(user: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("session-sql-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    fs::create_dir_all(&folder).expect("a folder can be made");
    if is_root() {
        run(&[OsStr::new("chown"), OsStr::new(&format!("{user}:{user}")), folder.as_os_str()]);
    }
    folder
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("there is an id command");
    output.stdout.trim_ascii() == b"0"
}

/// Returns a port that no program listens on.
///
/// It is none that the system chooses, because the system may give that to a connection before a server takes it.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Other processes begin elsewhere.
    let first = std::process::id().wrapping_mul(61);
    let mut ports =
        std::iter::repeat_with(|| first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000 + 10_000)
            .take(20_000)
            .filter_map(|port| u16::try_from(port).ok());
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("there is a free port")
}
