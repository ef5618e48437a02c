//! The SQL of SQLite for the tables of Django, where times are text.

use session_core::Version;
use sqlx::SqlStr;

use super::{DjangoSql, Expected, Param, bound, run_statements};
use crate::dialect::Connection;
use crate::format::sha256;
use crate::request::Row;
use crate::sqlite::SqliteDialect;
use crate::table::{Statement, Table};

impl DjangoSql for SqliteDialect {
    const QUOTE: char = '"';

    /// Django writes microseconds. SQLite's clock has only milliseconds.
    const NOW: &'static str = "strftime('%Y-%m-%d %H:%M:%f000', 'now')";

    const LATER: &'static str = "strftime('%Y-%m-%d %H:%M:%f000', 'now', ? || ' seconds')";

    /// Compares bytes, because a value that another program has stored as bytes never equals a text.
    const UNCHANGED: &'static str = "CAST(session_data AS BLOB) = ?";

    const SWEEP: &'static str = "DELETE FROM {markers} WHERE rowid IN (
    SELECT rowid FROM {markers} WHERE expires_at <= {now} LIMIT ?)";

    fn markers_schema(markers: &Table) -> SqlStr {
        markers.in_file(include_str!("../../schema/django-sqlite.sql"), "django_session_markers", Self::QUOTE)
    }

    /// SQLite can't hash the stored text, so the text is read and hashed here. The write then compares with that text.
    async fn expected(
        connection: &mut Connection<Self>,
        fetch: &Statement,
        key: &str,
        version: &Version,
    ) -> Result<Option<Expected>, sqlx::Error> {
        if let Some(session) = version.json() {
            return Ok(Some(Expected::Bytes(session.as_json().into_owned().into_bytes())));
        }
        let row = Self::read(connection, fetch, &[Param::Text(key)]).await?;
        let value = row.and_then(|row| row.value).filter(|value| sha256(value)[..] == *version.as_bytes());
        Ok(value.map(Expected::Bytes))
    }

    run_statements!();
}
