//! Writes that are sent to the thread of a connection together.
//!
//! A call of the client library wakes that thread and then this one, which takes as long as the write itself. Most
//! writes that wait are replacements, so several of them are made by one call: their statements are in one text.

use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;

use super::{bind, millis, query};
use crate::request::Request;
use crate::table::Statement;

/// The sizes of groups, the largest first. Each is a text that each connection prepares.
pub(super) const GROUPS: [usize; 2] = [16, 4];

/// A number of replacements in one text.
pub(super) struct Group {
    pub(super) size: usize,
    statement: Statement,
}

impl Group {
    pub(super) fn new(size: usize, replace: &Statement) -> Self {
        let text = replace.sql();
        // With `?5`, SQLite would also bind the parameters 1 to 4.
        let number = |n: usize, param: usize| (format!("?{param}"), format!("${}", 4 * n + param));
        let nth = |n| {
            (1..=4)
                .map(|param| number(n, param))
                .fold(text.as_str().to_owned(), |text, (from, to)| text.replace(&from, &to))
        };
        Self { size, statement: Statement::new((0..size).map(nth).collect::<Vec<_>>().join(";")) }
    }

    /// Returns the call for the first of these writes; `None` if they are too few, or if one of them is of another kind.
    pub(super) fn call<'q>(&'q self, writes: &[&'q Request]) -> Option<Query<'q, Sqlite, SqliteArguments>> {
        writes.get(..self.size)?.iter().try_fold(query(&self.statement), |call, write| match write {
            Request::Replace { key, value, ttl, version, .. } if !write.changes_an_index() => {
                let expected = version.json()?.as_json().into_owned().into_bytes();
                Some(bind(call.bind(key), value).bind(millis(*ttl)).bind(expected))
            }
            _ => None,
        })
    }
}
