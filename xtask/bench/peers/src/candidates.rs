//! The candidates: the libraries that are compared.

use std::process::Command;

use anyhow::{Context, Result};
use session_bench::session::Work;

/// One library with one store, or the work that no library can avoid with that store.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// The name in tables and plots.
    pub label: &'static str,
    /// The place of the sessions, as tables and plots name it.
    pub place: &'static str,
    /// The program that runs the candidate, and the bare application compiled with the same dependencies.
    pub program: &'static str,
    /// The name of its subjects, without the kind of request.
    pub name: &'static str,
    /// The subject of the same application without sessions.
    pub bare: &'static str,
}

impl Candidate {
    /// Returns the name of the subject for this kind of request.
    #[must_use]
    pub fn subject(&self, work: Work) -> String {
        format!("{}/{}", self.name, work.name())
    }

    /// Returns true if the candidate belongs to this project.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.program == OURS && !self.name.starts_with("floor")
    }

    /// Returns the label in a table.
    #[must_use]
    pub fn cell(&self) -> String {
        if self.is_ours() { format!("**{}**", self.label) } else { self.label.to_owned() }
    }
}

/// Returns the path of a program of subjects, which is in the folder of this program.
///
/// # Errors
///
/// Returns an error if the path of this program is unknown.
pub fn program(name: &str) -> Result<Command> {
    let this = std::env::current_exe()?;
    Ok(Command::new(this.parent().context("a program is in a folder")?.join(name)))
}

/// The program of our subjects.
pub const OURS: &str = "subject";
/// The program of the others.
pub const PEER: &str = "peer";

/// All candidates, by the place of their sessions.
pub const CANDIDATES: [Candidate; 18] = [
    floor("in memory", "floor/memory"),
    on_axum("session-tower, signed", "in memory", OURS, "axum/memory"),
    on_actix("session-actix, signed", "in memory", OURS, "actix/memory"),
    on_axum("tower-sessions 0.15, unsigned", "in memory", PEER, "tower-sessions/memory unsigned"),
    on_axum("tower-sessions 0.15, signed", "in memory", PEER, "tower-sessions/memory signed"),
    on_axum("axum_session 0.22, unsigned", "in memory", PEER, "axum_session/memory unsigned"),
    floor("in the cookie", "floor/cookie"),
    on_axum("session-tower, signed", "in the cookie", OURS, "axum/cookie"),
    on_actix("session-actix, signed", "in the cookie", OURS, "actix/cookie"),
    on_actix("actix-session 0.11, signed", "in the cookie", PEER, "actix-session/cookie signed"),
    floor("in Redis", "floor/redis"),
    on_axum("session-tower, signed", "in Redis", OURS, "axum/redis"),
    on_actix("session-actix, signed", "in Redis", OURS, "actix/redis"),
    on_axum("tower-sessions 0.14, unsigned", "in Redis", PEER, "tower-sessions/redis unsigned"),
    on_axum("tower-sessions 0.14, signed", "in Redis", PEER, "tower-sessions/redis signed"),
    on_actix("actix-session 0.11, signed", "in Redis", PEER, "actix-session/redis signed"),
    on_axum("session-tower, signed", "in memcached", OURS, "axum/memcached"),
    on_actix("session-actix, signed", "in memcached", OURS, "actix/memcached"),
];

/// In axum.
const fn floor(place: &'static str, name: &'static str) -> Candidate {
    on_axum("the floor", place, OURS, name)
}

const fn on_axum(label: &'static str, place: &'static str, program: &'static str, name: &'static str) -> Candidate {
    Candidate { label, place, program, name, bare: "axum/bare" }
}

const fn on_actix(label: &'static str, place: &'static str, program: &'static str, name: &'static str) -> Candidate {
    Candidate { label, place, program, name, bare: "actix/bare" }
}
