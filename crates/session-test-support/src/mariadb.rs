//! MariaDB servers.

use std::io::Read as _;
use std::net::TcpStream;
use std::path::Path;

use crate::database::DatabaseServer;
use crate::server::{as_user, is_a, new_folder_of, run};

/// The user that Debian's package creates.
const USER: &str = "mysql";

/// A MariaDB server.
#[derive(Debug)]
pub struct MariaDbServer(DatabaseServer);

is_a!(DatabaseServer, MariaDbServer, 0);

impl MariaDbServer {
    /// Starts a server with these settings in addition to its port, for instance `&["max-connections=10"]`.
    ///
    /// It accepts the user `root` without a password. A write that it has acknowledged survives its end, but not a loss
    /// of power.
    #[must_use]
    pub fn start(settings: &[&str]) -> Self {
        let folder = new_folder_of(USER);
        // Servers that share a folder for temporary files delete each other's files.
        let path = |name: &str| folder.join(name).display().to_string();
        let [data, temporary] = [format!("--datadir={}", path("data")), format!("--tmpdir={}", folder.display())];
        let common = ["--innodb-log-file-size=16M", "--innodb-flush-method=nosync", &data, &temporary];

        let install =
            ["mariadb-install-db", "--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"];
        let words = as_user(USER, &[&install[..], &common].concat());
        run(&words.iter().map(String::as_str).collect::<Vec<_>>());
        std::fs::write(folder.join("init.sql"), "CREATE DATABASE IF NOT EXISTS sessions;\n")
            .expect("the folder is there");

        let (program, socket) = (program("mariadbd"), format!("--socket={}", path("socket")));
        let [id, script] = [format!("--pid-file={}", path("pid")), format!("--init-file={}", path("init.sql"))];
        let mut words = vec![&*program, "--no-defaults", &socket, &id, &script, "--bind-address=127.0.0.1"];
        words.extend(["--skip-name-resolve", "--innodb-buffer-pool-size=32M"]);
        words.extend(common);
        let url = "mysql://root@127.0.0.1:PORT/sessions";
        let mut server = Self(DatabaseServer::new(USER, folder, url, &words, is_ready, "TERM"));
        for setting in settings {
            server.set(setting);
        }
        server.run();
        server
    }
}

/// A server that is ready sends a greeting.
fn is_ready(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok_and(|mut connection| connection.read_exact(&mut [0; 5]).is_ok())
}

/// Finds a program of the server. It is not on the path of users other than root.
fn program(name: &str) -> String {
    let path = Path::new("/usr/sbin").join(name);
    if path.exists() { path.to_string_lossy().into_owned() } else { name.to_owned() }
}
