//! MariaDB servers.

use std::io::Read as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use crate::server::{ServerProcess, as_user, free_port, new_folder_of, remove_folder, run};

/// The user that Debian's package creates.
const USER: &str = "mysql";

/// A MariaDB server on a port of its own, with a data folder of its own. It is killed when this is dropped.
#[derive(Debug)]
pub struct MariaDbServer {
    /// Its port.
    pub port: u16,
    folder: PathBuf,
    settings: Vec<String>,
    process: Option<ServerProcess>,
}

impl MariaDbServer {
    /// Starts a server with these settings in addition to its port, for instance `&["max-connections=10"]`.
    ///
    /// It accepts the user `root` without a password. A write that it has acknowledged survives its end, but not a loss
    /// of power.
    #[must_use]
    pub fn start(settings: &[&str]) -> Self {
        let folder = new_folder_of(USER);
        let words =
            ["mariadb-install-db", "--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"];
        let more = ["--innodb-log-file-size=16M", "--innodb-flush-method=nosync"];
        let [data, temporary] = folders(&folder);
        let words = as_user(USER, &[&words[..], &more, &[&data, &temporary]].concat());
        run(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let script = "CREATE DATABASE IF NOT EXISTS sessions;\n";
        std::fs::write(folder.join("init.sql"), script).expect("the folder is there");
        let settings = settings.iter().map(|setting| format!("--{setting}")).collect();
        let mut server = Self { port: free_port(), folder, settings, process: None };
        server.run();
        server
    }

    /// Starts it, with everything that it has written before.
    pub fn run(&mut self) {
        let (server, port) = (program("mariadbd"), format!("--port={}", self.port));
        let [data, temporary] = folders(&self.folder);
        let [socket, id, script] =
            ["socket", "pid", "init.sql"].map(|name| self.folder.join(name).display().to_string());
        let [socket, id] = [format!("--socket={socket}"), format!("--pid-file={id}")];
        let script = format!("--init-file={script}");
        let mut words = vec![&*server, "--no-defaults", &data, &temporary, &socket, &id, &script, &port];
        words.extend(["--bind-address=127.0.0.1", "--skip-name-resolve", "--innodb-flush-method=nosync"]);
        words.extend(["--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M"]);
        words.extend(self.settings.iter().map(String::as_str));
        let words = as_user(USER, &words);
        // A server that is ready sends a greeting.
        let is_ready = || {
            let connected = TcpStream::connect(("127.0.0.1", self.port));
            connected.is_ok_and(|mut connection| connection.read_exact(&mut [0; 5]).is_ok())
        };
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        self.process = Some(ServerProcess::start(&words, &self.folder, is_ready));
    }

    /// Returns the URL of its database `sessions`, which is there from the start.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}/sessions", self.port)
    }

    /// Stops all of its threads. Its connections stay open.
    pub fn pause(&self) {
        self.process().pause();
    }

    /// Lets it continue after a [`pause`](Self::pause).
    pub fn resume(&self) {
        self.process().resume();
    }

    /// Makes it run, no matter how a failed test has left it.
    pub fn restore(&mut self) {
        match &self.process {
            Some(process) => process.resume(),
            None => self.run(),
        }
    }

    /// Kills it; [`Self::run`] starts it again.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Shuts it down, which ends all connections; [`Self::run`] starts it again.
    pub fn shut_down(&mut self) {
        self.process.take().expect("the server runs").stop("TERM");
    }

    fn process(&self) -> &ServerProcess {
        self.process.as_ref().expect("the server runs")
    }
}

impl Drop for MariaDbServer {
    fn drop(&mut self) {
        self.kill();
        remove_folder(&self.folder);
    }
}

/// Returns the options for its folders. Servers that share a folder for temporary files delete each other's files.
fn folders(folder: &Path) -> [String; 2] {
    [format!("--datadir={}", folder.join("data").display()), format!("--tmpdir={}", folder.display())]
}

/// Finds a program of the server. It is not on the path of users other than root.
fn program(name: &str) -> String {
    let path = Path::new("/usr/sbin").join(name);
    if path.exists() { path.to_string_lossy().into_owned() } else { name.to_owned() }
}
