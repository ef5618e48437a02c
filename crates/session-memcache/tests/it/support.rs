//! What several modules of tests share.

mod app;
mod fake;
mod python;
mod server;
mod signal;

use std::time::Duration;

use session_core::{Created, SessionMap, Version};
use session_memcache::{MemcacheBackend, MemcacheBackendBuilder};

pub(crate) use app::{App, Browser, Request, SECRET, respond_together};
pub(crate) use fake::Fake;
pub(crate) use python::Python;
pub(crate) use server::Server;

/// Long enough for everything that a test does.
pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// A backend on these servers. Patient: a busy machine must not decide a test.
pub(crate) fn patient(servers: &[&Server]) -> MemcacheBackendBuilder {
    MemcacheBackend::builder(servers.iter().map(|server| server.address())).operation_timeout(Duration::from_secs(20))
}

pub(crate) fn backend(server: &Server) -> MemcacheBackend {
    patient(&[server]).build().expect("the address is good")
}

pub(crate) fn map(json: &str) -> SessionMap {
    SessionMap::from_json(json).expect("the test's own JSON")
}

/// The version of a session that was to be created.
pub(crate) fn version(created: Created) -> Version {
    match created {
        Created::Created(version) => version,
        Created::Exists => panic!("the key is new"),
    }
}
