//! The statements of MySQL and MariaDB.
//!
//! Each write but a rotation is one statement, and so one transaction. At any isolation level, an `UPDATE` locks its
//! row and compares the row's newest version, which is compare-and-set.
//!
//! `UTC_TIMESTAMP` is the time at which the statement began.

pub(super) const FETCH: &str = "SELECT 'found', value, NULL FROM {table}
    WHERE session_key = ? AND marker IS NULL AND expires_at > UTC_TIMESTAMP(3)";

pub(super) const MARKER: &str = "SELECT 'found', NULL, marker FROM {table}
    WHERE session_key = ? AND marker IS NOT NULL AND expires_at > UTC_TIMESTAMP(3)";

pub(super) const CURRENT: &str = "SELECT 'found', value, marker FROM {table}
    WHERE session_key = ? AND expires_at > UTC_TIMESTAMP(3)";

pub(super) const INSERT: &str = "INSERT INTO {table} (session_key, value, user_id, expires_at)
    VALUES (?, ?, ?, UTC_TIMESTAMP(3) + INTERVAL ? SECOND)";

pub(super) const INSERT_MARKER: &str = "INSERT INTO {table} (session_key, marker, expires_at)
    VALUES (?, ?, UTC_TIMESTAMP(3) + INTERVAL 60 SECOND)";

/// An expired row counts as absent, so it is deleted before a new one is inserted.
pub(super) const DELETE_EXPIRED: &str = "DELETE FROM {table} WHERE session_key = ? AND expires_at <= UTC_TIMESTAMP(3)";

pub(super) const REPLACE: &str = "UPDATE {table}
    SET value = ?, user_id = COALESCE(?, user_id), expires_at = UTC_TIMESTAMP(3) + INTERVAL ? SECOND,
        seen_at = UTC_TIMESTAMP(3)
    WHERE session_key = ? AND marker IS NULL AND expires_at > UTC_TIMESTAMP(3) AND SHA2(value, 256) = ?";

pub(super) const REMOVE: &str = "UPDATE {table} SET value = NULL, marker = ?, user_id = NULL,
        expires_at = UTC_TIMESTAMP(3) + INTERVAL 60 SECOND, seen_at = UTC_TIMESTAMP(3)
    WHERE session_key = ? AND marker IS NULL AND expires_at > UTC_TIMESTAMP(3)";

pub(super) const REMOVE_AT: &str = "UPDATE {table} SET value = NULL, marker = ?, user_id = NULL,
        expires_at = UTC_TIMESTAMP(3) + INTERVAL 60 SECOND, seen_at = UTC_TIMESTAMP(3)
    WHERE session_key = ? AND marker IS NULL AND expires_at > UTC_TIMESTAMP(3) AND SHA2(value, 256) = ?";

pub(super) const TOUCH: &str = "UPDATE {table}
    SET user_id = COALESCE(?, user_id), expires_at = UTC_TIMESTAMP(3) + INTERVAL ? SECOND,
        seen_at = UTC_TIMESTAMP(3)
    WHERE session_key = ? AND marker IS NULL AND expires_at > UTC_TIMESTAMP(3)";

/// Inserts the new row of a rotation, if the old one matches.
pub(super) const COPY: &str = "INSERT INTO {table} (session_key, value, user_id, expires_at, created_at)
    SELECT ?, ?, COALESCE(?, user_id), UTC_TIMESTAMP(3) + INTERVAL ? SECOND, created_at FROM {table}
    WHERE session_key = ? AND marker IS NULL AND expires_at > UTC_TIMESTAMP(3) AND SHA2(value, 256) = ?";

pub(super) const LIST: &str =
    "SELECT session_key, value, TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), expires_at) DIV 1000 FROM {table}
    WHERE user_id = ? AND marker IS NULL AND expires_at > UTC_TIMESTAMP(3)";

/// A page of the sessions, in the order of the primary key.
pub(super) const SCAN: &str =
    "SELECT session_key, value, TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), expires_at) DIV 1000 FROM {table}
    WHERE session_key > ? AND session_key < ? AND marker IS NULL AND expires_at > UTC_TIMESTAMP(3)
    ORDER BY session_key LIMIT 200";

pub(super) const COUNT: &str = "SELECT COUNT(*) FROM {table}
    WHERE marker IS NULL AND expires_at > UTC_TIMESTAMP(3) AND LEFT(session_key, CHAR_LENGTH(?)) = ?";

/// Rows are found by the hour in which they expired, because the index holds that hour.
pub(super) const SWEEP: &str = "DELETE FROM {table}
    WHERE expiry_hour < TIMESTAMPDIFF(HOUR, '1970-01-01', UTC_TIMESTAMP()) LIMIT ?";

/// The lock lets only one server clean up at a time.
pub(super) const LOCK: &str = "SELECT GET_LOCK(?, 0)";

pub(super) const UNLOCK: &str = "DO RELEASE_LOCK(?)";
