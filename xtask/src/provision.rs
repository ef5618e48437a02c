//! The programs and packages of Debian, Python and Node that tests and checks need.
//!
//! To add a program, add a row to [`PROGRAMS`].

mod debian;
mod node;
mod python;

use std::ffi::OsString;

use anyhow::Result;

use debian::Program;

/// The programs on `PATH` that tests and checks start.
const PROGRAMS: &[Program] = &[
    // The package starts a service on port 6379 if it can. The tests start their own servers on free ports.
    Program { name: "redis-server", probe: &["--version"], packages: &["redis-server"] },
    Program { name: "memcached", probe: &["--version"], packages: &["memcached"] },
    // The programs of the server are in a folder for their version, which is not on `PATH`. This program is installed
    // with them.
    Program { name: "pg_lsclusters", probe: &["--help"], packages: &["postgresql"] },
    // Not on the `PATH` of users other than root.
    Program { name: "/usr/sbin/mariadbd", probe: &["--version"], packages: &["mariadb-server"] },
    // Starts servers with a wrong clock.
    Program { name: "faketime", probe: &["--version"], packages: &["faketime"] },
    // The browser in which the demos are tested. Without a font it draws no text; the pictures of the README use this
    // font.
    Program { name: "chromium", probe: &["--version"], packages: &["chromium", "fonts-dejavu-core"] },
    // `guard` counts the cost of a request with it.
    Program { name: "valgrind", probe: &["--version"], packages: &["valgrind"] },
    // Debian's python3 alone can't make a virtual environment: `ensurepip` comes with python3-venv.
    Program { name: "node", probe: &["--version"], packages: &["nodejs"] },
    Program { name: "npm", probe: &["--version"], packages: &["npm"] },
    Program { name: "python3", probe: &["-m", "ensurepip", "--version"], packages: &["python3", "python3-venv"] },
];

/// The additional programs that `bench` starts. wrk is looked up, because it has no arguments with which it exits at
/// once with success.
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

/// Installs the missing programs.
pub(crate) fn programs() -> Result<()> {
    debian::install_missing(PROGRAMS)
}

/// Installs the missing programs, including those that `bench` starts.
pub(crate) fn for_bench() -> Result<()> {
    programs()?;
    debian::install_missing(FOR_BENCH)
}
