//! The statements of PostgreSQL.
//!
//! Each write is one statement, and so one transaction, at READ COMMITTED. At this level, an `UPDATE` that has waited for
//! another transaction checks its row again, and writes only if the condition still holds, which is compare-and-set. At
//! a stricter level it would fail instead.
//!
//! If a write did not match, `current` reads the row with a new snapshot, so it sees the write that won. A statement that
//! writes and answers with the current row at once takes twice the server's instructions, conflict or not: a `SELECT`
//! beside the `UPDATE` is planned and started each time, and must lock the row, because its snapshot is from before the
//! wait.
//!
//! `now()` is the time at which the statement began. `due_hour` tells the clean-up where to look; writes that only extend
//! a session leave it, so that no index changes.

use crate::table::statements;

statements! {
    fetch: "SELECT 'found', value, NULL::text FROM {table}
    WHERE session_key = $1 AND marker IS NULL AND expires_at > now()";

    marker: "SELECT 'found', NULL::{column}, marker FROM {table}
    WHERE session_key = $1 AND marker IS NOT NULL AND expires_at > now()";

    /// The session or the marker of a key.
    current: "SELECT 'found', value, marker FROM {table} WHERE session_key = $1 AND expires_at > now()";

    /// An expired row counts as absent.
    create: "INSERT INTO {table} AS t (session_key, value, user_id, expires_at, due_hour)
    VALUES ($1, $2, $4, now() + $3 * interval '1 second', floor(({epoch} + $3) / 3600)::integer)
    ON CONFLICT (session_key) DO UPDATE SET value = excluded.value, marker = NULL, user_id = excluded.user_id,
        expires_at = excluded.expires_at, due_hour = excluded.due_hour, created_at = excluded.created_at,
        seen_at = excluded.seen_at
    WHERE t.expires_at <= now()
    RETURNING 'done', NULL::{column}, NULL::text";

    replace: "UPDATE {table} SET value = $2, expires_at = now() + $3 * interval '1 second', seen_at = now()
    WHERE session_key = $1 AND marker IS NULL AND expires_at > now() AND {digest} = $4
    RETURNING 'done', NULL::{column}, NULL::text";

    replace_and_index: "UPDATE {table} SET value = $2, user_id = COALESCE($5, user_id),
        expires_at = now() + $3 * interval '1 second', due_hour = floor(({epoch} + $3) / 3600)::integer, seen_at = now()
    WHERE session_key = $1 AND marker IS NULL AND expires_at > now() AND {digest} = $4
    RETURNING 'done', NULL::{column}, NULL::text";

    remove_at: "UPDATE {table} SET value = NULL, marker = $2, user_id = NULL, expires_at = now() + interval '60 seconds',
        due_hour = floor(({epoch} + 60) / 3600)::integer, seen_at = now()
    WHERE session_key = $1 AND marker IS NULL AND expires_at > now() AND {digest} = $3
    RETURNING 'done', NULL::{column}, NULL::text";

    /// An existing marker stays. If another transaction inserts a session after this statement began, the marker replaces
    /// it, as if the session had not existed.
    remove: "WITH removed AS (
    UPDATE {table} SET value = NULL, marker = $2, user_id = NULL, expires_at = now() + interval '60 seconds',
        due_hour = floor(({epoch} + 60) / 3600)::integer, seen_at = now()
    WHERE session_key = $1 AND marker IS NULL AND expires_at > now()
    RETURNING 'done' AS outcome),
written AS (
    INSERT INTO {table} AS t (session_key, marker, expires_at, due_hour)
    SELECT $1, $2, now() + interval '60 seconds', floor(({epoch} + 60) / 3600)::integer
    WHERE NOT EXISTS (SELECT FROM removed)
    ON CONFLICT (session_key) DO UPDATE SET value = NULL, marker = excluded.marker, user_id = NULL,
        expires_at = excluded.expires_at, due_hour = excluded.due_hour, created_at = excluded.created_at,
        seen_at = excluded.seen_at
    WHERE t.marker IS NULL OR t.expires_at <= now()
    RETURNING 'left' AS outcome)
SELECT outcome, NULL::{column}, NULL::text FROM removed
UNION ALL
SELECT outcome, NULL, NULL FROM written";

    touch: "UPDATE {table}
    SET user_id = COALESCE($3, user_id), expires_at = now() + $2 * interval '1 second', seen_at = now()
    WHERE session_key = $1 AND marker IS NULL AND expires_at > now()
    RETURNING 'done', NULL::{column}, NULL::text";

    /// Locks the old row and compares its newest version, then writes the new row, then the old one.
    rotate: "WITH old AS MATERIALIZED (
    SELECT value, marker, user_id, created_at, marker IS NULL AND {digest} = $6 AS matches FROM {table}
    WHERE session_key = $1 AND expires_at > now()
    FOR UPDATE),
created AS (
    INSERT INTO {table} AS t (session_key, value, user_id, expires_at, due_hour, created_at)
    SELECT $2, $4, COALESCE($7, user_id), now() + $5 * interval '1 second', floor(({epoch} + $5) / 3600)::integer,
        created_at
    FROM old WHERE matches
    ON CONFLICT (session_key) DO UPDATE SET value = excluded.value, marker = NULL, user_id = excluded.user_id,
        expires_at = excluded.expires_at, due_hour = excluded.due_hour, created_at = excluded.created_at,
        seen_at = excluded.seen_at
    WHERE t.expires_at <= now()
    RETURNING 1),
marked AS (
    UPDATE {table} SET value = NULL, marker = $3, user_id = NULL, expires_at = now() + interval '60 seconds',
        due_hour = floor(({epoch} + 60) / 3600)::integer, seen_at = now()
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

    /// Rows are found by the hour in which they would have expired when they were created. Those that have been extended
    /// since get their new hour. Rows that requests have locked are left to the next clean-up. The advisory lock lets only
    /// one server clean up at a time. The arrays are computed once, while a join could run the subquery several times.
    sweep: "WITH due AS MATERIALIZED (
    SELECT session_key, expires_at <= now() AS has_expired FROM {table}
    WHERE due_hour < floor({epoch} / 3600)::integer AND (SELECT pg_try_advisory_xact_lock($1))
    LIMIT $2 FOR UPDATE SKIP LOCKED),
deleted AS (
    DELETE FROM {table} WHERE session_key = ANY (ARRAY(SELECT session_key FROM due WHERE has_expired))
    RETURNING 1),
kept AS (
    UPDATE {table} SET due_hour = least(floor(date_part('epoch', expires_at) / 3600), 2147483647)::integer
    WHERE session_key = ANY (ARRAY(SELECT session_key FROM due WHERE NOT has_expired))
    RETURNING 1)
SELECT (SELECT COUNT(*) FROM deleted), (SELECT COUNT(*) FROM kept)";
}
