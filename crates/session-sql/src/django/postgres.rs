//! The SQL of PostgreSQL for the tables of Django.

use session_core::Version;
use sqlx::SqlStr;

use super::{DjangoSql, Expected, Param, bound, run_statements};
use crate::dialect::Connection;
use crate::format::digest;
use crate::postgres::{PostgresDialect, in_one_transaction};
use crate::request::Row;
use crate::table::{Statement, Table};

impl DjangoSql for PostgresDialect {
    const QUOTE: char = '"';

    const NOW: &'static str = "now()";

    const LATER: &'static str = "now() + ? * interval '1 second'";

    const UNCHANGED: &'static str = "sha256(convert_to(session_data, 'UTF8')) = ?";

    /// Markers that requests have locked are left to the next clean-up.
    const SWEEP: &'static str = "DELETE FROM {markers} WHERE session_key = ANY (ARRAY(
    SELECT session_key FROM {markers} WHERE expires_at <= {now} LIMIT ? FOR UPDATE SKIP LOCKED))";

    const NUMBERED: bool = true;

    fn markers_schema(markers: &Table) -> SqlStr {
        let script = in_one_transaction(markers, include_str!("../../schema/django-postgres.sql"));
        markers.in_file(&script, "django_session_markers", Self::QUOTE)
    }

    async fn expected(
        _: &mut Connection<Self>,
        _: &Statement,
        _: &str,
        version: &Version,
    ) -> Result<Option<Expected>, sqlx::Error> {
        Ok(Some(Expected::Bytes(digest(version))))
    }

    run_statements!();
}
