//! Against real memcached servers, which the tests start on free ports and stop.

mod cancellation;
mod conformance;
mod epochs;
mod evictions;
mod failures;
mod items;
mod keys;
mod markers;
mod nodes;
mod outages;
mod python;
mod races;
mod replies;
mod round_trips;
mod runtimes;
mod stale;
mod support;
