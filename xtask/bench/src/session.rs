//! The session that every subject is measured with.

use std::time::Duration;

use serde_json::{Map, Value};

/// The name of the cookie.
pub const COOKIE: &str = "session";

/// The secret that signs the cookie. It has more than 64 bytes, the minimum of actix-web's `Key`.
pub const SECRET: &str = "a secret for measuring that is as long as the longest of the peers wants";

/// The key of the number that a read returns and a write increments.
pub const VISITS: &str = "visits";

/// About 200 bytes of JSON under six keys.
pub const VALUES: &str = r#"{"user":{"id":4711,"name":"Ann Example","email":"ann@example.com"},"roles":["editor","reviewer"],"csrf":"kXq3v0Yb7hJ2mZ9sL4dN8tR1wC6uE5aF","locale":"en-GB","cart":[12,99,340],"visits":41}"#;

/// The values of a new session.
pub type Values = Map<String, Value>;

/// Parses [`VALUES`].
#[must_use]
pub fn values() -> Values {
    serde_json::from_str(VALUES).expect("the values are JSON")
}

/// A time limit that holds on a busy machine and under valgrind.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The work of the handler on its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Never asks for the session.
    Untouched,
    /// Reads one number.
    Read,
    /// Increments that number.
    Write,
}

impl Work {
    /// All kinds of work, the cheapest first.
    pub const ALL: [Self; 3] = [Self::Untouched, Self::Read, Self::Write];

    /// Returns the name, as in the name of a subject.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Untouched => "untouched",
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// Returns the work of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|work| work.name() == name)
    }
}
