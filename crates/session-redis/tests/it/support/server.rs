//! Starts servers, and leaves none behind.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::resp::{Connection, Reply};
use super::signal::signal;

/// A `redis-server` on a port of its own, killed when it is dropped or when this process ends in whatever way.
pub(crate) struct Server {
    pub(crate) port: u16,
    folder: PathBuf,
    options: Vec<String>,
    process: Option<Process>,
    password: Option<&'static str>,
}

struct Process {
    /// A shell that kills the server as soon as its standard input ends.
    guard: Child,
    id: u32,
}

impl Server {
    /// One with these options beside its port, for instance `&["--maxmemory", "2mb"]`.
    pub(crate) fn start(options: &[&str]) -> Self {
        Self::start_on(free_port(), options)
    }

    pub(crate) fn start_on(port: u16, options: &[&str]) -> Self {
        let mut server = Self::new(port, options);
        server.run();
        server
    }

    /// One that asks for this password.
    pub(crate) fn start_with_password(password: &'static str, options: &[&str]) -> Self {
        let mut server = Self::new(free_port(), options).with_password(password);
        server.run();
        server
    }

    /// One that is not running yet.
    pub(crate) fn new(port: u16, options: &[&str]) -> Self {
        let options = options.iter().map(ToString::to_string).collect();
        Self { port, folder: new_folder(), options, process: None, password: None }
    }

    /// Makes it ask for this password, before it runs.
    pub(crate) fn with_password(mut self, password: &'static str) -> Self {
        self.options.extend(["--requirepass", password].map(str::to_owned));
        self.password = Some(password);
        self
    }

    /// Starts it, with whatever it has written to its folder before.
    pub(crate) fn run(&mut self) {
        let mut server = Command::new("sh");
        // `redis-server` takes its configuration from the command line; `exec` would keep the shell from outliving it.
        server
            .args(["-c", r#""$@" >server.log 2>&1 & echo $!; read -r _; kill -9 $! 2>/dev/null"#, "sh", "redis-server"])
            .args(self.first_argument())
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--loglevel", "notice"])
            // A new replica is served at once, not after 5 seconds in which more might come.
            .args(["--repl-diskless-sync-delay", "0"])
            .args(&self.options)
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut guard = server.spawn().expect("there is a shell");
        let mut line = String::new();
        let stdout = guard.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the shell says the id of the server");
        let id = line.trim().parse().expect("an id is a number");
        self.process = Some(Process { guard, id });

        let start = Instant::now();
        // While it reads its files it answers with errors.
        while !matches!(self.try_ask(&["PING"]), Some(Ok(_))) {
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "redis-server does not answer. If it is not installed: `cargo xtask test` installs what tests need. It said:\n{}",
                std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sentinels rewrite their configuration, so that it has to be a file.
    fn first_argument(&self) -> Option<PathBuf> {
        let file = self.folder.join("server.conf");
        file.exists().then_some(file)
    }

    /// Writes a configuration file, before the server runs.
    pub(crate) fn configure(&self, text: &str) {
        std::fs::write(self.folder.join("server.conf"), text).expect("the folder is there");
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Asks over a connection of its own.
    pub(crate) fn ask(&self, words: &[&str]) -> Vec<String> {
        self.try_ask(words)
            .unwrap_or_else(|| panic!("no answer to {words:?}"))
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// `None` if it can't be reached.
    pub(crate) fn try_ask(&self, words: &[&str]) -> Option<Reply> {
        let mut connection = Connection::open(self.port).ok()?;
        if let Some(password) = self.password {
            connection.ask(&["AUTH", password]).ok()?.ok()?;
        }
        connection.ask(words).ok()
    }

    /// Makes a user, whose password is the name, with the permissions that the crate's documentation says, and more.
    pub(crate) fn allow(&self, user: &str, more: &[&str]) {
        let rules = ["~session:*", "~gone:{session:*", "resetchannels", "-@all", "+get", "+set", "+del", "+expire"];
        let password = format!(">{user}");
        let rest = ["+eval", "+evalsha", "+ping", "on", &password];
        self.ask(&[&["ACL", "SETUSER", user][..], &rules, &rest, more].concat());
    }

    /// Returns the number of calls of each command since the last [`Self::forget_calls`], those inside of scripts included
    /// and the tests' own questions left out.
    pub(crate) fn calls(&self) -> BTreeMap<String, u64> {
        let mut calls = BTreeMap::new();
        for line in self.ask(&["INFO", "commandstats"])[0].lines() {
            let Some((name, rest)) = line.strip_prefix("cmdstat_").and_then(|line| line.split_once(":calls=")) else {
                continue;
            };
            if !matches!(name, "info" | "config|resetstat") {
                let count = rest.split(',').next().and_then(|count| count.parse().ok()).unwrap_or(0);
                calls.insert(name.to_owned(), count);
            }
        }
        calls
    }

    /// Returns how often clients sent each command since the last [`Self::forget_calls`], the tests' own questions left out.
    /// The server has to be started with [`REMEMBER`].
    pub(crate) fn sent(&self) -> BTreeMap<String, u64> {
        let log = self.ask(&["SLOWLOG", "GET", "-1"]);
        let mut calls = BTreeMap::new();
        // An entry is its number, the time, the duration, the words of the command, the address and the client's name.
        for (end, address) in log.iter().enumerate().filter(|(_, word)| is_address(word)) {
            let start = log[..end].iter().rposition(|word| is_address(word)).map_or(0, |last| last + 2);
            let name = log[start + 3].to_ascii_lowercase();
            // A command of a script has no address.
            if address != "?:0" && !matches!(&*name, "info" | "config" | "slowlog") {
                *calls.entry(name).or_insert(0) += 1;
            }
        }
        calls
    }

    pub(crate) fn forget_calls(&self) {
        self.ask(&["SLOWLOG", "RESET"]);
        self.ask(&["CONFIG", "RESETSTAT"]);
    }

    /// Returns `true` if it is a replica that follows its primary.
    pub(crate) fn follows(&self) -> bool {
        self.ask(&["INFO", "replication"])[0].contains("master_link_status:up")
    }

    /// Returns the replication offset: of a primary that of its last write, of a replica that of the last write it has.
    pub(crate) fn history(&self) -> u64 {
        let facts = self.ask(&["INFO", "replication"]).remove(0);
        let offset = |name: &str| facts.lines().find_map(|line| line.strip_prefix(name)?.parse().ok());
        offset("slave_repl_offset:").or_else(|| offset("master_repl_offset:")).expect("a server has a history")
    }

    /// Lets it stand still, connections open.
    pub(crate) fn pause(&self) {
        signal("STOP", self.id());
    }

    pub(crate) fn resume(&self) {
        signal("CONT", self.id());
    }

    /// Kills it; [`Self::run`] starts it again.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            signal("KILL", process.id);
            drop(process.guard.stdin.take());
            process.guard.wait().expect("the shell ends");
        }
    }

    fn id(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if !std::thread::panicking() {
            // The files help to find the reason of a failure.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// Makes a server remember each command.
pub(crate) const REMEMBER: &[&str] = &["--slowlog-log-slower-than", "0", "--slowlog-max-len", "1000"];

fn is_address(word: &str) -> bool {
    word == "?:0" || word.strip_prefix("127.0.0.1:").is_some_and(|port| port.parse::<u16>().is_ok())
}

/// Returns a port on which no server listens.
///
/// The system does not choose it, because it may give the same port to a connection before a server takes it. It chooses
/// from 32768 on, or higher up.
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

/// Its path must be short, for Unix sockets.
fn new_folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("r{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}
