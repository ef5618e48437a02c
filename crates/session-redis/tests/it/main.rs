//! The backend against real servers, which every test starts for itself.

mod support;

mod causes;
mod cluster;
mod conformance;
mod dropped;
mod format;
mod operations;
mod outage;
#[cfg(feature = "fred-10")]
mod own_client;
mod races;
mod revocations;
mod round_trips;
mod runtimes;
mod semantics;
mod sentinel;
mod switched;
mod transports;
mod user_index;
mod versions;
