//! The SQL of MySQL and MariaDB for the tables of Django.

use session_core::Version;
use sqlx::SqlStr;

use super::{DjangoSql, Expected, Insertion, Param, bound, run_statements};
use crate::dialect::Connection;
use crate::format::digest;
use crate::mysql::{MySqlDialect, hex, is_duplicate};
use crate::request::Row;
use crate::table::{Statement, Table};

impl DjangoSql for MySqlDialect {
    const QUOTE: char = '`';

    const NOW: &'static str = "UTC_TIMESTAMP(6)";

    const LATER: &'static str = "UTC_TIMESTAMP(6) + INTERVAL ? SECOND";

    const UNCHANGED: &'static str = "SHA2(session_data, 256) = ?";

    const SWEEP: &'static str = "DELETE FROM {markers} WHERE expires_at <= {now} LIMIT ?";

    const UPSERT: bool = false;

    fn markers_schema(markers: &Table) -> SqlStr {
        markers.in_file(include_str!("../../schema/django-mysql.sql"), "django_session_markers", Self::QUOTE)
    }

    async fn expected(
        _: &mut Connection<Self>,
        _: &Statement,
        _: &str,
        version: &Version,
    ) -> Result<Option<Expected>, sqlx::Error> {
        Ok(Some(Expected::Text(hex(&digest(version)))))
    }

    async fn insert(
        connection: &mut Connection<Self>,
        insertion: &Insertion,
        params: &[Param<'_>],
    ) -> Result<bool, sqlx::Error> {
        loop {
            match Self::execute(connection, &insertion.insert, params).await {
                Ok(_) => return Ok(true),
                Err(error) if is_duplicate(&error) => {}
                Err(error) => return Err(error),
            }
            // The first parameter is the key.
            if Self::execute(connection, &insertion.delete_expired, &params[..1]).await? == 0 {
                return Ok(false);
            }
        }
    }

    run_statements!();
}
