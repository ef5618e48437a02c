//! The session that every subject is measured with.

use std::time::Duration;

use serde_json::{Map, Value};

/// The name of the cookie.
pub const COOKIE: &str = "session";

/// What signs it: 64 bytes, the least that actix-web's `Key` takes.
pub const SECRET: &str = "a secret for measuring that is as long as the longest of the peers wants";

/// The key that is read, and whose number is counted up by a write.
pub const VISITS: &str = "visits";

/// About 200 bytes of JSON under six keys.
pub const VALUES: &str = r#"{"user":{"id":4711,"name":"Ann Example","email":"ann@example.com"},"roles":["editor","reviewer"],"csrf":"kXq3v0Yb7hJ2mZ9sL4dN8tR1wC6uE5aF","locale":"en-GB","cart":[12,99,340],"visits":41}"#;

/// What a session begins with.
pub type Values = Map<String, Value>;

/// [`VALUES`], one by one.
#[must_use]
pub fn values() -> Values {
    serde_json::from_str(VALUES).expect("the values are JSON")
}

/// A time limit that a machine under load, or under valgrind, does not miss.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What the handler does with its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Nothing: it does not even ask for it.
    Untouched,
    /// Reads one number.
    Read,
    /// Adds one to that number.
    Write,
}

impl Work {
    /// All of them, the cheapest first.
    pub const ALL: [Self; 3] = [Self::Untouched, Self::Read, Self::Write];

    /// As in the name of a subject.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Untouched => "untouched",
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|work| work.name() == name)
    }
}
