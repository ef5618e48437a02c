//! Counts the cost of a request: instructions, heap allocations and SHA-1 blocks, under valgrind's callgrind.
//!
//! A *subject* is an application whose requests are counted, such as `axum/memory/read`: axum, sessions in memory, a
//! handler that reads one value. The program `subject` runs one of them; `guard` runs all that [`ceilings`] lists and
//! fails if the cost of a subject has risen.
//!
//! All subjects answer the same request: no sockets, one thread, a signed cookie of a session of about 200 bytes
//! ([`session::VALUES`]). They are compiled with the defaults of `cargo build --release`, as applications are.

pub mod callgrind;
pub mod ceilings;
pub mod mode;
pub mod on_actix;
pub mod on_axum;
pub mod profile;
pub mod resident;
pub mod server;
pub mod session;
pub mod subjects;
