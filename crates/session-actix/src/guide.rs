//! Pages for services on actix-web.
//!
//! Topics that don't depend on a framework are in [`session_core::guide`]. The page on sign-in in
//! `session_tower::guide` applies here too.

#[doc = include_str!("../guide/getting_started.md")]
pub mod getting_started {}

#[doc = include_str!("../guide/guards.md")]
pub mod guards {}

#[doc = include_str!("../guide/websockets.md")]
pub mod websockets {}

#[doc = include_str!("../guide/testing.md")]
pub mod testing {}

#[doc = include_str!("../guide/from_actix_session.md")]
pub mod from_actix_session {}
