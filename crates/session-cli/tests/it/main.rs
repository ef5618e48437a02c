//! Runs the `session` command.

mod commands;
mod cookies;
mod support;
