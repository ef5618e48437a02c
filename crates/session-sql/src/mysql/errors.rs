//! The meaning of the errors of MySQL and MariaDB, by their numbers.

use session_core::BackendErrorKind::{self, Other, Refused, Timeout, Unavailable};
use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;

use crate::dialect::Meaning;
use crate::dialect::Then::{self, Fail, Reconnect, Retry};

const NUMBERS: &[(u16, BackendErrorKind, &str, Then)] = &[
    (1213, Timeout, "other transactions were in the way until the deadline (deadlock)", Retry),
    (1020, Timeout, "other transactions were in the way until the deadline (changed record)", Retry),
    (1615, Timeout, "the table was altered since the statement was prepared", Retry),
    (1205, Timeout, "another transaction has locked the row for too long", Retry),
    (1317, Timeout, "an operator, or a limit of the server, ended the statement", Fail),
    (1969, Timeout, "the statement took longer than the server's max_statement_time", Fail),
    (1040, Unavailable, "the server has as many connections as its max_connections allows", Retry),
    (1203, Unavailable, "the user has as many connections as the server allows", Retry),
    (1226, Unavailable, "the user has used up a resource that the server limits", Retry),
    (1053, Unavailable, "the server is shutting down", Reconnect),
    (1927, Unavailable, "the server is shutting down, or an operator ended the connection", Reconnect),
    (4031, Unavailable, "the server closed the unused connection", Reconnect),
    (1047, Unavailable, "the server is not a synchronized member of its cluster", Reconnect),
    (1243, Unavailable, "a prepared statement is gone: a pooler in between does not keep them", Reconnect),
    (1290, Refused, "the server is read-only: a replica, or a primary that was demoted", Reconnect),
    (1792, Refused, "the server is read-only: a replica, or a primary that was demoted", Reconnect),
    (1836, Refused, "the server is read-only: a replica, or a primary that was demoted", Reconnect),
    (1021, Refused, "the disk of the server is full", Fail),
    (1114, Refused, "the disk of the server is full", Fail),
    (1030, Unavailable, "the storage engine of the server failed", Fail),
    (1037, Refused, "the server is out of memory", Fail),
    (1041, Refused, "the server is out of memory", Fail),
    (1461, Refused, "the server has as many prepared statements as its max_prepared_stmt_count allows", Fail),
    (1153, Refused, "the value is longer than the server's max_allowed_packet", Fail),
    (1406, Refused, "the key or the value is longer than its column", Fail),
    (1366, Refused, "the column lacks a character of the value", Fail),
    (1045, Unavailable, "the user name or the password is wrong", Fail),
    (1698, Unavailable, "the user name or the password is wrong", Fail),
    (1044, Unavailable, "the user has no right to the database", Fail),
    (1046, Unavailable, "the url names no database", Fail),
    (1049, Unavailable, "the server has no database with the name in the url", Fail),
    (1142, Refused, "the user lacks a right: it needs SELECT, INSERT, UPDATE and DELETE on the table", Fail),
    (1143, Refused, "the user lacks a right: it needs SELECT, INSERT, UPDATE and DELETE on the table", Fail),
    (1146, Unavailable, "the table is missing: call `create_table`, or run the SQL file", Fail),
    (1054, Unavailable, "the table lacks a column that the schema has", Fail),
];

pub(super) fn meaning(number: u16) -> Meaning {
    match NUMBERS.iter().find(|(known, ..)| *known == number) {
        Some((_, kind, cause, then)) => Meaning::new(*kind, format!("{cause} ({number})"), *then),
        None => Meaning::new(Other, format!("the server answered with the error {number}"), Fail),
    }
}

pub(super) fn number(error: &dyn DatabaseError) -> u16 {
    error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number).unwrap_or_default()
}
