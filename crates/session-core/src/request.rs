//! The life of one session within one request.
//!
//! A request's session is loaded ([`load`]), changed ([`state`], [`changes`]) and committed ([`commit`]). A commit plans
//! ([`plan`]), carries the plan out ([`write`], [`destroy`]) one attempt at a time ([`attempt`]), and finds out what became
//! of a write whose reply was lost ([`recover`]). A user's sessions are ended from any request ([`revoke`]),
//! or with the user's epoch ([`epoch`]).

pub(crate) mod absence;
pub(crate) mod adopt;
pub(crate) mod attempt;
pub(crate) mod changes;
pub(crate) mod commit;
pub(crate) mod context;
pub(crate) mod deadline;
pub(crate) mod destroy;
pub(crate) mod epoch;
pub(crate) mod events;
pub(crate) mod head;
pub(crate) mod limit;
pub(crate) mod load;
pub(crate) mod meta;
pub(crate) mod outcome;
pub(crate) mod phase;
pub(crate) mod plan;
pub(crate) mod recover;
pub(crate) mod report;
pub(crate) mod revoke;
pub(crate) mod shared;
pub(crate) mod state;
pub(crate) mod throttle;
pub(crate) mod transfer;
pub(crate) mod write;
