//! Servers that don't announce when they are ready, and are polled instead.

use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::signal;

/// The longest wait for a server. It is long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server in a folder of its own, which a test starts, pauses, kills and starts again. It is killed when this is
/// dropped, and when the test's process ends, even by a signal.
#[derive(Debug)]
pub struct ServerProcess {
    folder: PathBuf,
    /// The user who runs it if this process is root. `None` for the user of this process.
    user: Option<&'static str>,
    /// The words that set its clock.
    clock: Vec<String>,
    running: Option<Running>,
}

impl ServerProcess {
    /// A server that is not running yet.
    pub(crate) fn new(folder: PathBuf, user: Option<&'static str>) -> Self {
        Self { folder, user, clock: Vec::new(), running: None }
    }

    /// Starts it, and waits until it is ready.
    pub(crate) fn start(&mut self, command: &[&str], is_ready: impl Fn() -> bool) {
        // The clock follows the change of the user, because root's clock is closed to others.
        let as_user = self.user.map_or(Vec::new(), |user| as_user(user, &[]));
        let prefix = as_user.iter().chain(&self.clock).map(String::as_str);
        let command: Vec<_> = prefix.chain(command.iter().copied()).collect();
        self.running = Some(Running::start(&command, &self.folder, is_ready));
    }

    /// Sets its clock this many seconds ahead, or behind, from its next start on. MariaDB does not start then.
    pub fn set_clock(&mut self, seconds_ahead: i64) {
        self.clock = with_clock(seconds_ahead);
    }

    /// Returns the folder that it runs in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Stops all of its threads and processes. Its connections stay open, and the system accepts new ones.
    pub fn pause(&self) {
        self.running().pause();
    }

    /// Lets it continue after a [`pause`](Self::pause).
    pub fn resume(&self) {
        self.running().resume();
    }

    /// Kills it, as a power failure would.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Asks it to end by a signal, and waits until it has ended.
    pub(crate) fn stop(&mut self, name: &str) {
        self.running().stop(name);
        self.kill();
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("the server runs")
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.kill();
        // If the test fails, the server's log may show why.
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// Lets a server be used as the general one that it has in this field.
macro_rules! is_a {
    ($general:ty, $server:ty, $field:tt) => {
        impl std::ops::Deref for $server {
            type Target = $general;

            fn deref(&self) -> &$general {
                &self.$field
            }
        }

        impl std::ops::DerefMut for $server {
            fn deref_mut(&mut self) -> &mut $general {
                &mut self.$field
            }
        }
    };
}
pub(crate) use is_a;

/// A running server. It is killed when this is dropped.
#[derive(Debug)]
struct Running {
    /// A shell that kills the server as soon as its standard input ends.
    guard: Child,
    id: u32,
}

/// Removes the server's folder at the end, unless it reads a line. A server in a static is never dropped, so that it
/// can't remove its folder itself.
const GUARD: &str = r#"
    "$@" >>server.log 2>&1 &
    echo $!
    exec 2>/dev/null
    read -r keep
    kill -9 $!
    wait $!
    [ "$keep" ] || rm -rf "$PWD"
"#;

impl Running {
    fn start(command: &[&str], folder: &Path, is_ready: impl Fn() -> bool) -> Self {
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "sh"])
            .args(command)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("there is a shell");
        let mut line = String::new();
        let stdout = guard.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the shell says the id of the server");
        let server = Self { guard, id: line.trim().parse().expect("an id is a number") };
        let start = Instant::now();
        while !is_ready() {
            assert!(
                start.elapsed() < PATIENCE,
                "{command:?} does not answer. If it is not installed: `cargo xtask test` installs what tests need. It said:\n{}",
                std::fs::read_to_string(folder.join("server.log")).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        server
    }

    fn pause(&self) {
        // A parent that is stopped starts no more children.
        signal("STOP", self.id);
        for child in self.children() {
            send_signal("STOP", child);
        }
    }

    fn resume(&self) {
        for child in self.children() {
            send_signal("CONT", child);
        }
        signal("CONT", self.id);
    }

    fn stop(&self, name: &str) {
        signal(name, self.id);
        wait_for_end(&[self.id]);
    }

    fn children(&self) -> Vec<u32> {
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let ids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
        ids.filter(|id| status(*id).is_some_and(|(_, parent)| parent == self.id)).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if status(self.id).is_some_and(|(state, _)| state != 'Z') {
            self.pause();
        }
        let children = self.children();
        for process in [&[self.id][..], &children].concat() {
            send_signal("KILL", process);
        }
        wait_for_end(&children);
        if let Some(mut stdin) = self.guard.stdin.take() {
            let _ = stdin.write_all(b"keep\n");
        }
        let _ = self.guard.wait();
    }
}

fn wait_for_end(processes: &[u32]) {
    let start = Instant::now();
    while processes.iter().any(|id| status(*id).is_some_and(|(state, _)| state != 'Z')) {
        assert!(start.elapsed() < PATIENCE, "the server does not end");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Returns the state of a process, and its parent.
fn status(id: u32) -> Option<(char, u32)> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // They follow the name, which is in parentheses and may itself contain some.
    let mut words = text.rsplit(") ").next()?.split(' ');
    Some((words.next()?.chars().next()?, words.next()?.parse().ok()?))
}

/// Sends a signal to a process that may have ended.
fn send_signal(name: &str, process: u32) {
    let _ = Command::new("kill").args(["-s", name, &process.to_string()]).stderr(Stdio::null()).status();
}

/// Returns the words that run a command as another user if this process is root, because some servers refuse root.
pub(crate) fn as_user(user: &str, command: &[&str]) -> Vec<String> {
    let [uid, gid] = [format!("--reuid={user}"), format!("--regid={user}")];
    let prefix: &[&str] = if is_root() { &["setpriv", &uid, &gid, "--clear-groups"] } else { &[] };
    prefix.iter().chain(command).map(ToString::to_string).collect()
}

/// Returns the words that run the command after them with a clock that is this many seconds ahead, or behind.
///
/// The C library comes first as well, because the allocator that Redis is linked with asks for the time before the
/// library that fakes it is ready.
fn with_clock(seconds_ahead: i64) -> Vec<String> {
    let clock = format!("FAKETIME={seconds_ahead:+}");
    let preload = "LD_PRELOAD=/usr/$LIB/faketime/libfaketime.so.1:libc.so.6";
    ["env", preload, &clock, "FAKETIME_DONT_FAKE_MONOTONIC=1"].map(str::to_owned).into()
}

/// Makes a folder that another user owns if this process is root.
pub(crate) fn new_folder_of(user: &str) -> PathBuf {
    let folder = new_folder();
    give_to(user, &folder.to_string_lossy());
    folder
}

/// Makes another user the owner of a file or a folder if this process is root.
pub(crate) fn give_to(user: &str, path: &str) {
    if is_root() {
        run(&["chown", &format!("{user}:"), path]);
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &[&str]) {
    let output = Command::new(command[0]).args(&command[1..]).output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}: `cargo xtask test` installs it", command[0]));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Returns a port that no program listens on.
///
/// It is below 32768, because the system gives the ports above to connections, perhaps before a server takes them.
#[must_use]
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Each process begins with another port.
    let first = std::process::id().wrapping_mul(61);
    let mut ports =
        std::iter::repeat_with(|| first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000 + 10_000)
            .take(20_000)
            .filter_map(|port| u16::try_from(port).ok());
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("there is a free port")
}

/// Makes a folder for one server. Its path is short, as the path of a Unix socket must be.
pub(crate) fn new_folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("r{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}
