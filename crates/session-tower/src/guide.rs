//! Pages for services on axum, tower, hyper and tonic.
//!
//! Topics that don't depend on a framework are in [`session_core::guide`]: stores, proxies, secrets, forged requests,
//! operations, troubleshooting.

// Its program is compiled and run by `examples/getting-started`, because an adapter depends on no backend.
#[cfg_attr(not(doctest), doc = include_str!("../guide/getting-started.md"))]
#[cfg_attr(doctest, doc = "")]
pub mod getting_started {}

#[doc = include_str!("../guide/sign_in.md")]
pub mod sign_in {}

#[doc = include_str!("../guide/websockets.md")]
pub mod websockets {}

#[doc = include_str!("../guide/layers.md")]
pub mod layers {}

#[doc = include_str!("../guide/tower_and_hyper.md")]
pub mod tower_and_hyper {}

#[doc = include_str!("../guide/tonic.md")]
pub mod tonic {}

#[doc = include_str!("../guide/testing.md")]
pub mod testing {}

#[doc = include_str!("../guide/from_starlette.md")]
pub mod from_starlette {}

#[doc = include_str!("../guide/from_tower_sessions.md")]
pub mod from_tower_sessions {}

#[doc = include_str!("../guide/from_axum_session.md")]
pub mod from_axum_session {}
