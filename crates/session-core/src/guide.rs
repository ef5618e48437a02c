//! Pages on topics that no single item covers.
//!
//! Pages about web frameworks are in `session_tower::guide` and `session_actix::guide`: getting started, sign-in,
//! WebSockets, the order of layers, and moving from other crates.

#[doc = include_str!("../guide/promises.md")]
pub mod promises {}

#[doc = include_str!("../guide/stores.md")]
pub mod stores {}

#[doc = include_str!("../guide/proxies.md")]
pub mod proxies {}

#[doc = include_str!("../guide/keys.md")]
pub mod keys {}

#[cfg(feature = "serde")]
#[doc = include_str!("../guide/settings.md")]
pub mod settings {}

#[doc = include_str!("../guide/flash.md")]
pub mod flash {}

#[doc = include_str!("../guide/csrf.md")]
pub mod csrf {}

#[cfg(feature = "metrics")]
#[doc = include_str!("../guide/metrics.md")]
pub mod metrics {}

#[doc = include_str!("../guide/operations.md")]
pub mod operations {}

#[doc = include_str!("../guide/troubleshooting.md")]
pub mod troubleshooting {}

#[doc = include_str!("../guide/not_offered.md")]
pub mod not_offered {}
