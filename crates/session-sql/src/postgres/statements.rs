//! The statements of PostgreSQL.
//!
//! Each request is one statement, and so one transaction, at READ COMMITTED. At this level, an `UPDATE` that has waited
//! for another transaction checks its row again, and writes only if the condition still holds, which is
//! compare-and-set. At a stricter level it would fail instead.
//!
//! If a write did not match, the same statement returns the current row. A plain `SELECT` would read the snapshot from
//! before the wait. `FOR SHARE` waits for concurrent writes and reads the newest version of the row. `written.done`
//! makes sure that it runs only if nothing was written.
//!
//! Because of the lock, the transaction would be flushed to disk although it has changed nothing. So
//! `synchronous_commit` is switched off for it, which halves the time of 200 contended updates. The setting ends with
//! the transaction.
//!
//! `now()` is the time at which the statement began. `expiry_hour` tells the clean-up where to look.

use crate::table::statements;

statements! {
    fetch: "SELECT 'found', value, NULL::text FROM {table}
    WHERE session_key = $1 AND marker IS NULL AND expires_at > now()";

    marker: "SELECT 'found', NULL::{column}, marker FROM {table}
    WHERE session_key = $1 AND marker IS NOT NULL AND expires_at > now()";

    /// An expired row counts as absent.
    ///
    /// If another transaction inserts the row after this statement began, the write fails, and the statement does not see
    /// the row. The reply is then empty, and the request is sent again.
    create: "WITH written AS (
    INSERT INTO {table} AS t (session_key, value, user_id, expires_at, expiry_hour)
    VALUES ($1, $2, $4, now() + $3 * interval '1 second', floor(({epoch} + $3) / 3600)::integer)
    ON CONFLICT (session_key) DO UPDATE SET value = excluded.value, marker = NULL, user_id = excluded.user_id,
        expires_at = excluded.expires_at, expiry_hour = excluded.expiry_hour, created_at = excluded.created_at,
        seen_at = excluded.seen_at
    WHERE t.expires_at <= now()
    RETURNING 'done' AS outcome)
SELECT outcome, NULL::{column}, NULL::text FROM written
UNION ALL
SELECT 'found', NULL, marker FROM (
    SELECT marker FROM {table} WHERE session_key = $1 AND expires_at > now() AND NOT EXISTS (SELECT FROM written)
    FOR SHARE) AS current WHERE set_config('synchronous_commit', 'off', true) IS NOT NULL";

    replace: "WITH written AS (
    UPDATE {table} SET value = $2, user_id = COALESCE($5, user_id), expires_at = now() + $3 * interval '1 second',
        expiry_hour = floor(({epoch} + $3) / 3600)::integer, seen_at = now()
    WHERE session_key = $1 AND marker IS NULL AND expires_at > now() AND {digest} = $4
    RETURNING 'done' AS outcome)
SELECT outcome, NULL::{column}, NULL::text FROM written
UNION ALL
SELECT 'found', value, marker FROM (
    SELECT value, marker FROM {table} WHERE session_key = $1 AND expires_at > now() AND NOT EXISTS (SELECT FROM written)
    FOR SHARE) AS current WHERE set_config('synchronous_commit', 'off', true) IS NOT NULL";

    remove_at: "WITH written AS (
    UPDATE {table} SET value = NULL, marker = $2, user_id = NULL, expires_at = now() + interval '60 seconds',
        expiry_hour = floor(({epoch} + 60) / 3600)::integer, seen_at = now()
    WHERE session_key = $1 AND marker IS NULL AND expires_at > now() AND {digest} = $3
    RETURNING 'done' AS outcome)
SELECT outcome, NULL::{column}, NULL::text FROM written
UNION ALL
SELECT 'found', value, marker FROM (
    SELECT value, marker FROM {table} WHERE session_key = $1 AND expires_at > now() AND NOT EXISTS (SELECT FROM written)
    FOR SHARE) AS current WHERE set_config('synchronous_commit', 'off', true) IS NOT NULL";

    /// An existing marker stays. If another transaction inserts a session after this statement began, the marker replaces
    /// it, as if the session had not existed.
    remove: "WITH removed AS (
    UPDATE {table} SET value = NULL, marker = $2, user_id = NULL, expires_at = now() + interval '60 seconds',
        expiry_hour = floor(({epoch} + 60) / 3600)::integer, seen_at = now()
    WHERE session_key = $1 AND marker IS NULL AND expires_at > now()
    RETURNING 'done' AS outcome),
written AS (
    INSERT INTO {table} AS t (session_key, marker, expires_at, expiry_hour)
    SELECT $1, $2, now() + interval '60 seconds', floor(({epoch} + 60) / 3600)::integer
    WHERE NOT EXISTS (SELECT FROM removed)
    ON CONFLICT (session_key) DO UPDATE SET value = NULL, marker = excluded.marker, user_id = NULL,
        expires_at = excluded.expires_at, expiry_hour = excluded.expiry_hour, created_at = excluded.created_at,
        seen_at = excluded.seen_at
    WHERE t.marker IS NULL OR t.expires_at <= now()
    RETURNING 'left' AS outcome)
SELECT outcome, NULL::{column}, NULL::text FROM removed
UNION ALL
SELECT outcome, NULL, NULL FROM written
UNION ALL
SELECT 'found', NULL, marker FROM (
    SELECT marker FROM {table} WHERE session_key = $1 AND expires_at > now()
        AND NOT EXISTS (SELECT FROM removed) AND NOT EXISTS (SELECT FROM written)
    FOR SHARE) AS current WHERE set_config('synchronous_commit', 'off', true) IS NOT NULL";

    touch: "UPDATE {table}
    SET user_id = COALESCE($3, user_id), expires_at = now() + $2 * interval '1 second',
        expiry_hour = floor(({epoch} + $2) / 3600)::integer, seen_at = now()
    WHERE session_key = $1 AND marker IS NULL AND expires_at > now()
    RETURNING 'done', NULL::{column}, NULL::text";

    /// Locks the old row and compares its newest version, then writes the new row, then the old one.
    rotate: "WITH old AS MATERIALIZED (
    SELECT value, marker, user_id, created_at, marker IS NULL AND {digest} = $6 AS matches FROM {table}
    WHERE session_key = $1 AND expires_at > now()
    FOR UPDATE),
created AS (
    INSERT INTO {table} AS t (session_key, value, user_id, expires_at, expiry_hour, created_at)
    SELECT $2, $4, COALESCE($7, user_id), now() + $5 * interval '1 second', floor(({epoch} + $5) / 3600)::integer,
        created_at
    FROM old WHERE matches
    ON CONFLICT (session_key) DO UPDATE SET value = excluded.value, marker = NULL, user_id = excluded.user_id,
        expires_at = excluded.expires_at, expiry_hour = excluded.expiry_hour, created_at = excluded.created_at,
        seen_at = excluded.seen_at
    WHERE t.expires_at <= now()
    RETURNING 1),
marked AS (
    UPDATE {table} SET value = NULL, marker = $3, user_id = NULL, expires_at = now() + interval '60 seconds',
        expiry_hour = floor(({epoch} + 60) / 3600)::integer, seen_at = now()
    WHERE session_key = $1 AND EXISTS (SELECT FROM created)
    RETURNING 'done' AS outcome)
SELECT outcome, NULL::{column}, NULL::text FROM marked
UNION ALL
SELECT 'found', value, marker FROM old WHERE matches IS NOT TRUE
UNION ALL
SELECT 'new', NULL, marker FROM (
    SELECT marker FROM {table} WHERE session_key = $2 AND expires_at > now()
        AND EXISTS (SELECT FROM old WHERE matches) AND NOT EXISTS (SELECT FROM created)
    FOR SHARE) AS taken";

    list: "SELECT session_key, value, (extract(epoch FROM expires_at - now()) * 1000)::bigint FROM {table}
    WHERE user_id = $1 AND marker IS NULL AND expires_at > now()";

    /// A page of the sessions, in the order of the primary key.
    scan: "SELECT session_key, value, (extract(epoch FROM expires_at - now()) * 1000)::bigint FROM {table}
    WHERE session_key > $1 AND session_key < $2 AND marker IS NULL AND expires_at > now()
    ORDER BY session_key LIMIT 200";

    count: "SELECT COUNT(*) FROM {table}
    WHERE marker IS NULL AND expires_at > now() AND starts_with(session_key, $1)";

    /// Rows are found by the hour in which they expired, because the index holds that hour. Rows that requests have locked
    /// are left to the next clean-up. The advisory lock lets only one server clean up at a time. The array is computed
    /// once, while a join could run the subquery and its limit several times.
    sweep: "DELETE FROM {table} WHERE session_key = ANY (ARRAY(
    SELECT session_key FROM {table}
    WHERE expiry_hour < floor({epoch} / 3600)::integer AND expires_at <= now()
        AND (SELECT pg_try_advisory_xact_lock($1))
    LIMIT $2 FOR UPDATE SKIP LOCKED))";
}
