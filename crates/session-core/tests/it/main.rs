//! The integration tests of `session-core`: one binary, one module for each subject.

mod adopt;
mod clones;
mod closures;
mod config;
mod cookie_mode;
mod csrf;
mod duplicates;
mod exactness;
mod explore;
mod failures;
mod flash;
mod format;
mod former_cookies;
mod fuzz;
mod gone;
mod hooks;
mod json;
mod key_limit;
mod late;
mod lifecycle;
mod lifetimes;
mod log;
mod logout_races;
mod lost_replies;
mod map;
mod memory_backend;
#[cfg(feature = "metrics")]
mod metrics;
mod races;
mod reserved_key;
mod responses;
mod round_trips;
mod scan;
#[cfg(target_os = "linux")]
mod secrets_in_memory;
mod set_cookie;
#[cfg(feature = "serde")]
mod settings;
mod sign_in;
mod signer;
mod single_flight;
mod support;
mod typed_keys;
mod updates;
mod user_sessions;
mod vectors;
#[cfg(target_os = "linux")]
mod worst_request;
