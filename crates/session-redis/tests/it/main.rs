//! The backend against real servers, which every test starts for itself.

mod support;

mod semantics;
