//! The requests to a database, and its replies.

use std::time::Duration;

use session_core::{Applied, Marker, Version};

/// The number of rows at which one statement looks. It is small, so that no request waits long for the statement.
pub(crate) const BATCH: u32 = 500;

/// A request, which can be sent again after a failure that applied nothing.
pub(crate) enum Request {
    Fetch {
        key: String,
    },
    Marker {
        key: String,
    },
    Create {
        key: String,
        value: Value,
        ttl: Ttl,
        user: Option<String>,
    },
    Replace {
        key: String,
        value: Value,
        ttl: Ttl,
        version: Version,
        user: Option<String>,
    },
    Remove {
        key: String,
        version: Option<Version>,
        marker: Marker,
    },
    Touch {
        key: String,
        ttl: Ttl,
        user: Option<String>,
    },
    Rotate {
        old: String,
        new: String,
        value: Value,
        ttl: Ttl,
        version: Version,
        user: Option<String>,
    },
    /// Reads the sessions of a user.
    List {
        user: String,
    },
    /// Reads a page of the sessions whose keys are between `after` and `before`, in order.
    Scan {
        after: String,
        before: String,
    },
    /// Counts the sessions whose keys begin with this prefix.
    Count {
        key_prefix: String,
    },
    /// Asks the database for its time.
    Time,
    /// Deletes a batch of expired rows.
    Sweep,
}

/// The stored form of a session.
pub(crate) enum Value {
    /// JSON.
    Text(String),
    /// The bytes of another codec.
    Bytes(Vec<u8>),
}

/// A time to live in whole seconds, at least one; more than 100 years become 100 years.
#[derive(Clone, Copy)]
pub(crate) struct Ttl(Duration);

/// The reply to a request.
#[derive(Debug)]
pub(crate) enum Reply {
    /// The write was applied. If it was a removal, there was a session.
    Done,
    /// The removal found no session, and left its marker.
    Left,
    /// Nothing was written. Holds the row of the key, if the key has one that has not expired.
    Found(Option<Row>),
    /// Nothing was written because the new key of a rotation has this row.
    NewKeyTaken(Row),
    /// The sessions of a user or of a page.
    Listed(Vec<ListedRow>),
    /// The number of sessions that were counted, or of seconds since 1970.
    Number(u64),
    /// The rows at which a clean-up has looked.
    Swept(Swept),
}

/// The rows at which a clean-up has looked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Swept {
    pub(crate) deleted: u64,
    /// Rows whose sessions have been extended since they were created, so that only their hour was changed.
    pub(crate) kept: u64,
}

impl Swept {
    /// Returns `true` if the batch was full, so that there may be more such rows.
    pub(crate) fn is_full(self) -> bool {
        self.deleted + self.kept >= u64::from(BATCH)
    }
}

/// The row of a session in a list.
#[derive(Debug)]
pub(crate) struct ListedRow {
    pub(crate) key: String,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) millis_left: i64,
}

/// A row that has not expired: of a session, or of a marker.
#[derive(Debug)]
pub(crate) struct Row {
    /// The stored value of a session, if the request needs it.
    pub(crate) value: Option<Vec<u8>>,
    /// The stored form of a marker.
    pub(crate) marker: Option<String>,
}

impl Request {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Fetch { .. } => "fetch",
            Self::Marker { .. } => "marker",
            Self::Create { .. } => "create",
            Self::Replace { .. } => "replace",
            Self::Remove { .. } => "remove",
            Self::Touch { .. } => "touch",
            Self::Rotate { .. } => "rotate",
            Self::List { .. } => "list",
            Self::Scan { .. } => "scan",
            Self::Count { .. } => "count",
            Self::Time => "time",
            Self::Sweep => "clean up",
        }
    }

    /// Returns the key and the version that its session must have.
    pub(crate) fn compares(&self) -> Option<(&str, &Version)> {
        match self {
            Self::Replace { key, version, .. }
            | Self::Remove { key, version: Some(version), .. }
            | Self::Rotate { old: key, version, .. } => Some((key, version)),
            _ => None,
        }
    }

    pub(crate) fn is_write(&self) -> bool {
        !matches!(
            self,
            Self::Fetch { .. }
                | Self::Marker { .. }
                | Self::List { .. }
                | Self::Scan { .. }
                | Self::Count { .. }
                | Self::Time
        )
    }

    /// Returns the key of a write to a single row.
    pub(crate) fn single_row(&self) -> Option<&str> {
        match self {
            Self::Create { key, .. }
            | Self::Replace { key, .. }
            | Self::Remove { key, .. }
            | Self::Touch { key, .. } => Some(key),
            _ => None,
        }
    }

    /// Returns the user to whom a write binds its session, if it may bind it.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn binds(&self) -> Option<&Option<String>> {
        match self {
            Self::Replace { .. } if !self.changes_an_index() => None,
            Self::Create { user, .. }
            | Self::Replace { user, .. }
            | Self::Touch { user, .. }
            | Self::Rotate { user, .. } => Some(user),
            _ => None,
        }
    }

    /// Returns `true` for a `replace` that changes what the indexes hold: it binds a user, or the session has been
    /// emptied, so that it expires long before its hour.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn changes_an_index(&self) -> bool {
        matches!(self, Self::Replace { ttl, user, .. } if user.is_some() || ttl.0 <= session_core::MARKER_LIFETIME)
    }

    /// Returns the key whose row is the reply to a write that was not applied.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn answers_with_current(&self) -> Option<&str> {
        match self {
            Self::Create { key, .. } | Self::Replace { key, .. } | Self::Remove { key, .. } => Some(key),
            _ => None,
        }
    }

    /// Returns the effect that a request may have had whose reply is missing.
    pub(crate) fn applied_without_reply(&self) -> Applied {
        if self.is_write() { Applied::Maybe } else { Applied::No }
    }

    /// Returns `true` if the reply can't be final: another request wrote the row of the key at the same time, so the
    /// reply lacks that row or has a row that should have been removed. The request is then sent again.
    pub(crate) fn has_missed_a_row(&self, reply: &Reply) -> bool {
        match (self, reply) {
            (Self::Create { .. } | Self::Remove { version: None, .. }, Reply::Found(None)) => true,
            (Self::Remove { version: None, .. }, Reply::Found(Some(row))) => row.marker.is_none(),
            _ => false,
        }
    }
}

impl Ttl {
    pub(crate) fn new(ttl: Duration) -> Self {
        Self(ttl)
    }

    pub(crate) fn seconds(self) -> i64 {
        const LONGEST: u64 = 100 * 365 * 24 * 3600;
        self.0.as_secs().clamp(1, LONGEST) as i64
    }
}

impl Reply {
    /// Reads the first row of a statement's result: the outcome, a value and a marker.
    pub(crate) fn of_row(row: Option<(String, Option<Vec<u8>>, Option<String>)>) -> Self {
        let Some((outcome, value, marker)) = row else { return Self::Found(None) };
        let row = Row { value, marker };
        match &*outcome {
            "done" => Self::Done,
            "left" => Self::Left,
            "new" => Self::NewKeyTaken(row),
            _ => Self::Found(Some(row)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ttl_is_whole_seconds_that_every_database_can_add() {
        let seconds = |ttl| Ttl::new(ttl).seconds();
        assert_eq!(seconds(Duration::ZERO), 1);
        assert_eq!(seconds(Duration::from_millis(1999)), 1);
        assert_eq!(seconds(Duration::from_secs(1_209_600)), 1_209_600);
        assert_eq!(seconds(Duration::MAX), 3_153_600_000);
    }
}
