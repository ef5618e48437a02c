//! Pages for services on actix-web.
//!
//! Topics without a framework are in [`session_core::guide`]. Its counterpart for axum, `session_tower::guide`, has a page on sign-in
//! whose rules hold here too.

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
