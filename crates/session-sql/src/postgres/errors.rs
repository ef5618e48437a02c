//! The meaning of the errors of PostgreSQL, by their SQLSTATE.

use session_core::BackendErrorKind::{self, Other, Refused, Timeout, Unavailable};

use crate::dialect::Meaning;
use crate::dialect::Then::{self, Fail, Reconnect, Retry};

const CODES: &[(&str, BackendErrorKind, &str, Then)] = &[
    ("40001", Timeout, "other transactions were in the way until the deadline (serialization failure)", Retry),
    ("40P01", Timeout, "other transactions were in the way until the deadline (deadlock)", Retry),
    ("55P03", Timeout, "another transaction has locked the row for longer than the `timeout` of the backend", Fail),
    (
        "57014",
        Timeout,
        "the server cancelled the statement, because it took longer than the `timeout` of the backend",
        Fail,
    ),
    ("57P01", Unavailable, "the server is shutting down, or an operator ended the connection", Reconnect),
    ("57P02", Unavailable, "a process of the server has crashed", Reconnect),
    ("57P03", Unavailable, "the server is starting up, shutting down or in recovery", Retry),
    ("57P04", Unavailable, "the database was dropped", Reconnect),
    ("57P05", Unavailable, "the server closed the unused connection", Reconnect),
    ("53300", Unavailable, "the server has as many connections as its max_connections allows", Retry),
    ("53100", Refused, "the disk of the server is full", Fail),
    ("53200", Refused, "the server is out of memory", Fail),
    ("58030", Unavailable, "the server can't read or write its files", Fail),
    ("25006", Refused, "the server is read-only: a standby, or a primary that was demoted", Reconnect),
    ("28000", Unavailable, "the server does not let this user in from here (pg_hba.conf)", Fail),
    ("28P01", Unavailable, "the user name or the password is wrong", Fail),
    ("3D000", Unavailable, "the server has no database with the name in the url", Fail),
    ("42501", Refused, "the user lacks a right: it needs SELECT, INSERT, UPDATE and DELETE on the table", Fail),
    ("42P01", Unavailable, "the table is missing: call `create_table`, or run the SQL file", Fail),
    ("42703", Unavailable, "the table lacks a column that the schema has", Fail),
    ("3F000", Unavailable, "the schema of the table is missing", Fail),
    ("22021", Refused, "the encoding of the database lacks a character of the value: use UTF8", Fail),
    ("22P05", Refused, "the encoding of the database lacks a character of the value: use UTF8", Fail),
    ("0A000", Unavailable, "the table was altered since the statement was prepared", Reconnect),
    ("26000", Unavailable, "a prepared statement is gone: a pooler in between does not keep them", Reconnect),
    ("08P01", Unavailable, "a pooler in between refuses the connection: see `ignore_startup_parameters`", Fail),
];

pub(super) fn meaning(code: &str) -> Meaning {
    match CODES.iter().find(|(known, ..)| *known == code) {
        Some((_, kind, cause, then)) => Meaning::new(*kind, format!("{cause} ({code})"), *then),
        None if code.starts_with("08") => {
            Meaning::new(Unavailable, format!("the connection failed ({code})"), Reconnect)
        }
        None => Meaning::new(Other, format!("the server answered with the error {code}"), Fail),
    }
}
