//! The statements of MySQL and MariaDB.
//!
//! Each write but a rotation is one statement, and so one transaction. At any isolation level, an `UPDATE` locks its
//! row and compares the row's newest version, which is compare-and-set.
//!
//! `UTC_TIMESTAMP` is the time at which the statement began.

use crate::table::statements;

/// The lock lets only one server clean up at a time.
pub(super) const LOCK: &str = "SELECT GET_LOCK(?, 0)";

pub(super) const UNLOCK: &str = "DO RELEASE_LOCK(?)";

statements! {
    fetch: "SELECT 'found', value, NULL FROM {table}
    WHERE session_key = ? AND marker IS NULL AND expires_at > UTC_TIMESTAMP(3)";

    marker: "SELECT 'found', NULL, marker FROM {table}
    WHERE session_key = ? AND marker IS NOT NULL AND expires_at > UTC_TIMESTAMP(3)";

    current: "SELECT 'found', value, marker FROM {table}
    WHERE session_key = ? AND expires_at > UTC_TIMESTAMP(3)";

    insert: "INSERT INTO {table} (session_key, value, user_id, expires_at)
    VALUES (?, ?, ?, UTC_TIMESTAMP(3) + INTERVAL ? SECOND)";

    insert_marker: "INSERT INTO {table} (session_key, marker, expires_at)
    VALUES (?, ?, UTC_TIMESTAMP(3) + INTERVAL 60 SECOND)";

    /// An expired row counts as absent, so it is deleted before a new one is inserted.
    delete_expired: "DELETE FROM {table} WHERE session_key = ? AND expires_at <= UTC_TIMESTAMP(3)";

    replace: "UPDATE {table}
    SET value = ?, user_id = COALESCE(?, user_id), expires_at = UTC_TIMESTAMP(3) + INTERVAL ? SECOND,
        seen_at = UTC_TIMESTAMP(3)
    WHERE session_key = ? AND marker IS NULL AND expires_at > UTC_TIMESTAMP(3) AND SHA2(value, 256) = ?";

    remove: "UPDATE {table} SET value = NULL, marker = ?, user_id = NULL,
        expires_at = UTC_TIMESTAMP(3) + INTERVAL 60 SECOND, seen_at = UTC_TIMESTAMP(3)
    WHERE session_key = ? AND marker IS NULL AND expires_at > UTC_TIMESTAMP(3)";

    remove_at: "UPDATE {table} SET value = NULL, marker = ?, user_id = NULL,
        expires_at = UTC_TIMESTAMP(3) + INTERVAL 60 SECOND, seen_at = UTC_TIMESTAMP(3)
    WHERE session_key = ? AND marker IS NULL AND expires_at > UTC_TIMESTAMP(3) AND SHA2(value, 256) = ?";

    touch: "UPDATE {table}
    SET user_id = COALESCE(?, user_id), expires_at = UTC_TIMESTAMP(3) + INTERVAL ? SECOND,
        seen_at = UTC_TIMESTAMP(3)
    WHERE session_key = ? AND marker IS NULL AND expires_at > UTC_TIMESTAMP(3)";

    /// Inserts the new row of a rotation, if the old one matches.
    copy: "INSERT INTO {table} (session_key, value, user_id, expires_at, created_at)
    SELECT ?, ?, COALESCE(?, user_id), UTC_TIMESTAMP(3) + INTERVAL ? SECOND, created_at FROM {table}
    WHERE session_key = ? AND marker IS NULL AND expires_at > UTC_TIMESTAMP(3) AND SHA2(value, 256) = ?";

    list: "SELECT session_key, value, TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), expires_at) DIV 1000 FROM {table}
    WHERE user_id = ? AND marker IS NULL AND expires_at > UTC_TIMESTAMP(3)";

    /// A page of the sessions, in the order of the primary key.
    scan: "SELECT session_key, value, TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(3), expires_at) DIV 1000 FROM {table}
    WHERE session_key > ? AND session_key < ? AND marker IS NULL AND expires_at > UTC_TIMESTAMP(3)
    ORDER BY session_key LIMIT 200";

    count: "SELECT COUNT(*) FROM {table}
    WHERE marker IS NULL AND expires_at > UTC_TIMESTAMP(3) AND LEFT(session_key, CHAR_LENGTH(?)) = ?";

    /// Rows are found by the hour in which they expired, because the index holds that hour.
    sweep: "DELETE FROM {table}
    WHERE due_hour < TIMESTAMPDIFF(HOUR, '1970-01-01', UTC_TIMESTAMP()) LIMIT ?";
}
