//! The statements of SQLite.
//!
//! A write is a single statement, in a transaction of its own or of several writes. SQLite runs one writing transaction
//! at a time, among all processes, so nothing is written between a statement's comparison and its write. If a write did
//! not match, `current` reads the row.
//!
//! SQLite rewrites the entry of an index whenever a statement sets a column of it, even to the same value. So writes that
//! only extend a session set neither `due_hour` nor `user_id`.
//!
//! Values are compared as bytes, because a value that another program has stored as bytes never equals a text.

use crate::table::statements;

/// Milliseconds since 1970, by the clock of this machine; the same throughout a statement. `unixepoch('subsec')` is
/// missing before SQLite 3.42.
pub(super) const NOW: &str = "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)";

statements! {
    fetch: "SELECT 'found', value, NULL FROM {table}
    WHERE session_key = ?1 AND marker IS NULL AND expires_at > {now}";

    marker: "SELECT 'found', NULL, marker FROM {table}
    WHERE session_key = ?1 AND marker IS NOT NULL AND expires_at > {now}";

    /// The session or the marker of a key.
    current: "SELECT 'found', value, marker FROM {table} WHERE session_key = ?1 AND expires_at > {now}";

    /// An expired row counts as absent.
    create: "INSERT INTO {table} AS t (session_key, value, user_id, expires_at, created_at, seen_at, due_hour)
    VALUES (?1, ?2, ?4, {now} + ?3, {now}, {now}, ({now} + ?3) / 3600000)
    ON CONFLICT (session_key) DO UPDATE SET value = excluded.value, marker = NULL, user_id = excluded.user_id,
        expires_at = excluded.expires_at, created_at = excluded.created_at, seen_at = excluded.seen_at,
        due_hour = excluded.due_hour
    WHERE t.expires_at <= {now}";

    replace: "UPDATE {table} SET value = ?2, expires_at = {now} + ?3, seen_at = {now}
    WHERE session_key = ?1 AND marker IS NULL AND expires_at > {now} AND CAST(value AS BLOB) = ?4";

    replace_and_index: "UPDATE {table} SET value = ?2, user_id = COALESCE(?5, user_id), expires_at = {now} + ?3,
        seen_at = {now}, due_hour = ({now} + ?3) / 3600000
    WHERE session_key = ?1 AND marker IS NULL AND expires_at > {now} AND CAST(value AS BLOB) = ?4";

    remove_at: "UPDATE {table} SET value = NULL, marker = ?2, user_id = NULL, expires_at = {now} + 60000, seen_at = {now},
        due_hour = ({now} + 60000) / 3600000
    WHERE session_key = ?1 AND marker IS NULL AND expires_at > {now} AND CAST(value AS BLOB) = ?3";

    /// An existing marker stays.
    remove: "UPDATE {table} SET value = NULL, marker = ?2, user_id = NULL, expires_at = {now} + 60000, seen_at = {now},
        due_hour = ({now} + 60000) / 3600000
    WHERE session_key = ?1 AND marker IS NULL AND expires_at > {now}
    RETURNING 'done', NULL, NULL;
INSERT INTO {table} AS t (session_key, marker, expires_at, created_at, seen_at, due_hour)
    SELECT ?1, ?2, {now} + 60000, {now}, {now}, ({now} + 60000) / 3600000 WHERE changes() = 0
    ON CONFLICT (session_key) DO UPDATE SET value = NULL, marker = excluded.marker, user_id = NULL,
        expires_at = excluded.expires_at, created_at = excluded.created_at, seen_at = excluded.seen_at,
        due_hour = excluded.due_hour
    WHERE t.expires_at <= {now}
    RETURNING 'left', NULL, NULL";

    touch: "UPDATE {table}
    SET user_id = COALESCE(?3, user_id), expires_at = {now} + ?2, seen_at = {now}
    WHERE session_key = ?1 AND marker IS NULL AND expires_at > {now}";

    /// One statement writes both rows: the new session, and the marker in place of the old one.
    rotate: "INSERT INTO {table} AS t (session_key, value, marker, user_id, expires_at, created_at, seen_at, due_hour)
    SELECT new.column1, new.column2, new.column3, CASE WHEN new.column3 IS NULL THEN COALESCE(?7, old.user_id) END,
        {now} + new.column4, old.created_at, {now}, ({now} + new.column4) / 3600000
    FROM {table} AS old JOIN (VALUES (?2, ?4, NULL, ?5), (?1, NULL, ?3, 60000)) AS new
    WHERE old.session_key = ?1 AND old.marker IS NULL AND old.expires_at > {now} AND CAST(old.value AS BLOB) = ?6
        AND NOT EXISTS (SELECT 1 FROM {table} WHERE session_key = ?2 AND expires_at > {now})
    ON CONFLICT (session_key) DO UPDATE SET value = excluded.value, marker = excluded.marker,
        user_id = excluded.user_id, expires_at = excluded.expires_at, created_at = excluded.created_at,
        seen_at = excluded.seen_at, due_hour = excluded.due_hour
    RETURNING 'done', NULL, NULL;
SELECT 'new', NULL, marker FROM {table}
    WHERE session_key = ?2 AND expires_at > {now} AND changes() = 0 AND EXISTS (
        SELECT 1 FROM {table} WHERE session_key = ?1 AND marker IS NULL AND expires_at > {now}
            AND CAST(value AS BLOB) = ?6);
SELECT 'found', value, marker FROM {table} WHERE session_key = ?1 AND expires_at > {now} AND changes() = 0";

    list: "SELECT session_key, value, expires_at - {now} FROM {table}
    WHERE user_id = ?1 AND marker IS NULL AND expires_at > {now}";

    /// A page of the sessions, in the order of the primary key.
    scan: "SELECT session_key, value, expires_at - {now} FROM {table}
    WHERE session_key > ?1 AND session_key < ?2 AND marker IS NULL AND expires_at > {now}
    ORDER BY session_key LIMIT 200";

    count: "SELECT COUNT(*) FROM {table}
    WHERE marker IS NULL AND expires_at > {now} AND substr(session_key, 1, length(?1)) = ?1";

    /// Rows are found by the hour in which they would have expired when they were created. Those that have been extended
    /// since get their new hour first, so that the rows to delete are among the first ones then.
    keep: "UPDATE {table} SET due_hour = expires_at / 3600000 WHERE expires_at > {now} AND session_key IN (
    SELECT session_key FROM {table} WHERE due_hour < {now} / 3600000 LIMIT ?1)";

    sweep: "DELETE FROM {table} WHERE expires_at <= {now} AND session_key IN (
    SELECT session_key FROM {table} WHERE due_hour < {now} / 3600000 LIMIT ?1)";
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _, SqliteConnection};

    use super::*;
    use crate::table::Table;

    /// A count reads the whole table.
    #[tokio::test]
    async fn statements_find_their_rows_by_an_index() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.expect("memory can be had");
        let schema = include_str!("../../schema/sqlite.sql");
        connection.execute(sqlx::raw_sql(schema)).await.expect("the schema is good");
        let texts = RefCell::new(Vec::new());
        Statements::new(|text| {
            texts.borrow_mut().push(text.replace("{table}", "http_sessions").replace("{now}", NOW));
            Table::named("").statement("", '"')
        });
        for text in texts.into_inner() {
            for statement in text.split(';') {
                let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
                for step in connection.fetch_all(explain).await.expect("the statement is good") {
                    let step: String = step.get("detail");
                    let is_count = statement.contains("COUNT(*)");
                    // The rows of the statement itself are constants.
                    let scans_table = step.starts_with("SCAN") && !step.contains("ROW");
                    assert_eq!(scans_table, is_count, "{step}: {statement}");
                }
            }
        }
    }
}
