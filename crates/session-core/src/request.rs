//! The life of one session within one request.
//!
//! A request's session is loaded ([`load`]), changed ([`state`]) and committed ([`commit`]). A commit makes a plan
//! ([`plan`]), executes it ([`write`], [`destroy`]) one attempt at a time ([`attempt`]), and finds out if a write whose
//! reply was lost was applied ([`recover`]).

pub(crate) mod attempt;
pub(crate) mod commit;
pub(crate) mod context;
pub(crate) mod destroy;
pub(crate) mod head;
pub(crate) mod load;
pub(crate) mod phase;
pub(crate) mod plan;
pub(crate) mod recover;
pub(crate) mod shared;
pub(crate) mod state;
pub(crate) mod transfer;
pub(crate) mod write;
