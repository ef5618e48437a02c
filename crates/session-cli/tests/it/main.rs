//! Runs the `session` command.

#![expect(clippy::unwrap_used, reason = "a helper that can't go on fails the test")]

mod commands;
mod cookies;
mod stores;
mod support;
