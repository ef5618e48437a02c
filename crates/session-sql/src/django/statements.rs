//! The statements for the tables of Django, in the SQL that all databases share.
//!
//! `?` stands for the next parameter. A query returns the kind of its row and a text.

use super::DjangoSql;
use crate::table::{Statement, Table};

const FETCH: &str = "SELECT 'session', session_data FROM {table} WHERE session_key = ? AND expire_date > {now}";

const MARKER: &str = "SELECT 'marker', marker FROM {markers} WHERE session_key = ? AND expires_at > {now}";

const CURRENT: &str = "SELECT 'session', session_data FROM {table} WHERE session_key = ? AND expire_date > {now}
    UNION ALL SELECT 'marker', marker FROM {markers} WHERE session_key = ? AND expires_at > {now}";

const INSERT: &str = "INSERT INTO {table} (session_key, session_data, expire_date) VALUES (?, ?, {later})";

const OR_REPLACE_EXPIRED: &str = " ON CONFLICT (session_key) DO UPDATE
    SET session_data = excluded.session_data, expire_date = excluded.expire_date WHERE t.expire_date <= {now}";

const DELETE_EXPIRED: &str = "DELETE FROM {table} WHERE session_key = ? AND expire_date <= {now}";

const MARK: &str = "INSERT INTO {markers} (session_key, marker, expires_at) VALUES (?, ?, {later})";

const OR_REPLACE_EXPIRED_MARKER: &str = " ON CONFLICT (session_key) DO UPDATE
    SET marker = excluded.marker, expires_at = excluded.expires_at WHERE t.expires_at <= {now}";

const DELETE_EXPIRED_MARKER: &str = "DELETE FROM {markers} WHERE session_key = ? AND expires_at <= {now}";

const REPLACE: &str = "UPDATE {table} SET session_data = ?, expire_date = {later}
    WHERE session_key = ? AND expire_date > {now} AND {unchanged}";

const TOUCH: &str = "UPDATE {table} SET expire_date = {later} WHERE session_key = ? AND expire_date > {now}";

const DELETE: &str = "DELETE FROM {table} WHERE session_key = ? AND expire_date > {now}";

const DELETE_AT: &str = "DELETE FROM {table} WHERE session_key = ? AND expire_date > {now} AND {unchanged}";

pub(super) struct Statements {
    pub(super) fetch: Statement,
    pub(super) marker: Statement,
    pub(super) current: Statement,
    pub(super) insert: Insertion,
    pub(super) mark: Insertion,
    pub(super) replace: Statement,
    pub(super) touch: Statement,
    pub(super) delete: Statement,
    pub(super) delete_at: Statement,
    pub(super) sweep: Statement,
}

/// Inserts a row, if the key has none or only an expired one.
pub(crate) struct Insertion {
    pub(super) insert: Statement,
    /// Makes room for `insert` on a database without `UPSERT`.
    #[cfg(feature = "mysql")]
    pub(super) delete_expired: Statement,
}

impl Statements {
    pub(super) fn new<D: DjangoSql>(table: &Table, markers: &Table) -> Self {
        let statement = |text: &str| {
            let text = text.replace("{unchanged}", D::UNCHANGED).replace("{later}", D::LATER).replace("{now}", D::NOW);
            let text = text.replace("{markers}", &markers.quoted(D::QUOTE));
            table.statement(&if D::NUMBERED { numbered(&text) } else { text }, D::QUOTE)
        };
        let insertion = |insert: &str, or_replace: &str, _delete_expired: &str| Insertion {
            insert: match D::UPSERT {
                true => statement(&[&insert.replace("} (", "} AS t ("), or_replace].concat()),
                false => statement(insert),
            },
            #[cfg(feature = "mysql")]
            delete_expired: statement(_delete_expired),
        };
        Self {
            fetch: statement(FETCH),
            marker: statement(MARKER),
            current: statement(CURRENT),
            insert: insertion(INSERT, OR_REPLACE_EXPIRED, DELETE_EXPIRED),
            mark: insertion(MARK, OR_REPLACE_EXPIRED_MARKER, DELETE_EXPIRED_MARKER),
            replace: statement(REPLACE),
            touch: statement(TOUCH),
            delete: statement(DELETE),
            delete_at: statement(DELETE_AT),
            sweep: statement(D::SWEEP),
        }
    }
}

/// Numbers the parameters of a statement.
fn numbered(text: &str) -> String {
    let mut parts = text.split('?');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.zip(1..).fold(first, |text, (part, number)| format!("{text}${number}{part}"))
}
