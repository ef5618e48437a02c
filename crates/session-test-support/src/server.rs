//! Servers that say nothing and have to be asked if they are ready.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::signal;

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server. It is killed when this is dropped, or when this process ends in whatever way.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    /// A shell that kills the server as soon as its standard input ends.
    guard: Child,
    id: u32,
}

impl ServerProcess {
    /// Starts a server in a folder, and waits until it is ready.
    pub(crate) fn start(command: &[&str], folder: &Path, is_ready: impl Fn() -> bool) -> Self {
        const SCRIPT: &str = r#""$@" >server.log 2>&1 & echo $!; read -r _; kill -9 $! 2>/dev/null; wait $!"#;
        let mut guard = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
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

    /// Stops all of its threads. Its connections stay open.
    pub(crate) fn pause(&self) {
        signal("STOP", self.id);
    }

    pub(crate) fn resume(&self) {
        signal("CONT", self.id);
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        signal("KILL", self.id);
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// Returns a port that no program listens on.
///
/// The system's own choice would not do, because it may give that port to a connection before a server takes it. It chooses
/// from 32768 on, or higher up.
#[must_use]
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Other processes begin elsewhere.
    let first = std::process::id().wrapping_mul(61);
    let mut ports =
        std::iter::repeat_with(|| first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000 + 10_000)
            .take(20_000)
            .filter_map(|port| u16::try_from(port).ok());
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("there is a free port")
}

/// Makes a folder of a server's own. Its path is short, for Unix sockets.
pub(crate) fn new_folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("r{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

/// Removes the folder of a server, unless the test fails: then it may show why.
pub(crate) fn remove_folder(folder: &Path) {
    if !std::thread::panicking() {
        let _ = std::fs::remove_dir_all(folder);
    }
}
