//! The programs and packages that tests and checks need beside Rust: of Debian, Python and Node.
//!
//! To add a program, add a row to [`PROGRAMS`].

mod debian;
mod node;
mod python;

use std::ffi::OsString;

use anyhow::Result;

use debian::Program;

/// The programs that tests and checks start; they find them on `PATH`.
const PROGRAMS: &[Program] = &[
    // The package starts a service on port 6379, where it can; the tests start servers of their own on free ports.
    Program { name: "redis-server", probe: &["--version"], packages: &["redis-server"] },
    Program { name: "memcached", probe: &["--version"], packages: &["memcached"] },
    // The programs of the server are in a folder of their version, which is not on `PATH`. This one comes with them.
    Program { name: "pg_lsclusters", probe: &["--help"], packages: &["postgresql"] },
    // Not on the `PATH` of users who are not root.
    Program { name: "/usr/sbin/mariadbd", probe: &["--version"], packages: &["mariadb-server"] },
    // The demos are used in it. Without a font it draws no text, and the pictures of the README are drawn with this one.
    Program { name: "chromium", probe: &["--version"], packages: &["chromium", "fonts-dejavu-core"] },
    // For `guard`: it counts what a request costs.
    Program { name: "valgrind", probe: &["--version"], packages: &["valgrind"] },
    // Debian's python3 alone can't make a virtual environment: `ensurepip` comes with python3-venv.
    Program { name: "node", probe: &["--version"], packages: &["nodejs"] },
    Program { name: "npm", probe: &["--version"], packages: &["npm"] },
    Program { name: "python3", probe: &["-m", "ensurepip", "--version"], packages: &["python3", "python3-venv"] },
];

/// The programs that `bench` starts beside them. There are no arguments with which wrk itself succeeds at once.
const FOR_BENCH: &[Program] = &[Program { name: "which", probe: &["wrk"], packages: &["wrk"] }];

/// Installs what is missing, and returns the environment variables by which the tests find it.
pub(crate) fn all() -> Result<Vec<(&'static str, OsString)>> {
    programs()?;
    let python = python::environment()?;
    let node = node::folder()?;
    Ok(vec![
        ("SESSION_PYTHON", python.into_os_string()),
        ("SESSION_NODE_PEER", node.join(node::PEER).into_os_string()),
        ("SESSION_BROWSER", node.join(node::BROWSER).into_os_string()),
    ])
}

/// The programs alone.
pub(crate) fn programs() -> Result<()> {
    debian::install_missing(PROGRAMS)
}

/// Those and what `bench` starts.
pub(crate) fn for_bench() -> Result<()> {
    programs()?;
    debian::install_missing(FOR_BENCH)
}
