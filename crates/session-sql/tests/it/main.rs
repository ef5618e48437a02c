//! The backend on real databases, which the tests start for themselves: `cargo test --all-features`.

#![cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql"))]

mod support;

// Clippy takes functions for tests if their module says so.
#[cfg(test)]
mod causes;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod django;
#[cfg(test)]
mod dropped;
#[cfg(test)]
mod failover;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod pools;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod python;
#[cfg(test)]
mod races;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod round_trips;
#[cfg(test)]
mod runtimes;
#[cfg(test)]
mod semantics;
#[cfg(test)]
mod sqlite;
#[cfg(test)]
mod sweep;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod together;
