//! The meaning of the errors of SQLite, by their codes.

use session_core::BackendErrorKind::{self, Other, Refused, Timeout, Unavailable};
use sqlx::error::DatabaseError;

use crate::dialect::Meaning;
use crate::dialect::Then::{self, Fail, Reconnect, Retry};

const CODES: &[(u32, BackendErrorKind, &str, Then)] = &[
    (3, Unavailable, "the file may not be read (SQLITE_PERM)", Reconnect),
    (5, Timeout, "another process or transaction locks the database (SQLITE_BUSY)", Retry),
    (6, Timeout, "another process or transaction locks the database (SQLITE_LOCKED)", Retry),
    (8, Refused, "the file is read-only (SQLITE_READONLY)", Reconnect),
    (10, Unavailable, "the file can't be read or written (SQLITE_IOERR)", Reconnect),
    (11, Unavailable, "the file is damaged (SQLITE_CORRUPT)", Reconnect),
    (13, Refused, "the disk is full (SQLITE_FULL)", Fail),
    (14, Unavailable, "the file can't be opened (SQLITE_CANTOPEN)", Reconnect),
    (18, Refused, "the value is too large for SQLite (SQLITE_TOOBIG)", Fail),
    (23, Unavailable, "the file may not be read (SQLITE_AUTH)", Reconnect),
    (26, Unavailable, "the file is not an SQLite database (SQLITE_NOTADB)", Reconnect),
];

pub(super) fn meaning(error: &dyn DatabaseError) -> Meaning {
    let code = error.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or_default();
    // The last byte of an extended code is the primary one.
    match CODES.iter().find(|(known, ..)| *known == code & 0xff) {
        Some((_, kind, cause, then)) => Meaning::new(*kind, *cause, *then),
        None if error.message().starts_with("no such table") => {
            Meaning::new(Unavailable, "the table is missing: call `create_table`, or run the SQL file", Fail)
        }
        None if error.message().contains("column") => {
            Meaning::new(Unavailable, "the table lacks a column that the schema has", Fail)
        }
        None => Meaning::new(Other, format!("the database answered with the error {code}"), Fail),
    }
}
