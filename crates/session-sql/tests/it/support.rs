//! What several modules of tests share.

mod sqlite;

pub(crate) use sqlite::Sqlite;
