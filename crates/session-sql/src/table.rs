//! The table, and the statements that name it.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::config_error::SqlConfigError;

/// The key of the row whose marker is the version of the schema. It is no session's key, because ids contain no
/// parentheses.
pub(crate) const SCHEMA_KEY: &str = "(schema)";

/// The name of a table, with an optional schema.
#[derive(Clone)]
pub(crate) struct Table {
    schema: Option<Box<str>>,
    name: Box<str>,
}

/// The text of a prepared statement.
pub(crate) struct Statement(Arc<str>);

impl Table {
    pub(crate) fn named(name: &str) -> Self {
        Self { schema: None, name: name.into() }
    }

    /// Parses `name` or `schema.name`, of letters, digits and underscores.
    pub(crate) fn parse(name: &str) -> Result<Self, SqlConfigError> {
        let (schema, name) = match name.split_once('.') {
            Some((schema, name)) => (Some(schema), name),
            None => (None, name),
        };
        if !is_identifier(name) || schema.is_some_and(|schema| !is_identifier(schema)) {
            return Err(SqlConfigError::Table);
        }
        Ok(Self { schema: schema.map(Into::into), name: name.into() })
    }

    /// Returns a statement with this table in place of `{table}`.
    pub(crate) fn statement(&self, text: &str, quote: char) -> Statement {
        Statement(text.replace("{table}", &self.quoted(quote)).into())
    }

    /// Returns the text of an SQL file with this table's name in place of `named`.
    pub(crate) fn in_file(&self, text: &str, named: &str, quote: char) -> SqlStr {
        // Index names begin with the name of the table.
        let text = text.replace(&format!("{named}_"), "\0_").replace(named, &self.quoted(quote));
        let text = text.replace('\0', &self.name);
        AssertSqlSafe(text).into_sql_str()
    }

    /// Returns the name without quotes, for messages and for the number of the lock.
    pub(crate) fn plain(&self) -> String {
        self.schema.iter().map(|schema| format!("{schema}.")).chain([self.name.to_string()]).collect()
    }

    /// Returns the number of this table's lock in the database.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(crate) fn lock(&self) -> i64 {
        let digest = crate::format::sha256(format!("session-sql {}", self.plain()).as_bytes());
        digest[..8].iter().fold(0, |number, byte| (number << 8) | i64::from(*byte))
    }

    /// Returns the table of the same schema whose name has this suffix.
    #[cfg(feature = "django-db")]
    pub(crate) fn with_suffix(&self, suffix: &str) -> Self {
        Self { schema: self.schema.clone(), name: [&self.name, suffix].concat().into() }
    }

    /// Returns the name in quotes.
    pub(crate) fn quoted(&self, quote: char) -> String {
        let quoted = |name: &str| format!("{quote}{name}{quote}");
        let schema = self.schema.iter().map(|schema| quoted(schema) + ".");
        schema.chain([quoted(&self.name)]).collect()
    }
}

impl Statement {
    #[cfg(feature = "sqlite")]
    pub(crate) fn new(text: String) -> Self {
        Self(text.into())
    }

    pub(crate) fn sql(&self) -> SqlStr {
        AssertSqlSafe(self.0.clone()).into_sql_str()
    }
}

/// Makes the struct of a database's statements, each with its text.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident: $text:literal;)*) => {
        pub(super) struct Statements {
            $($(#[$doc])* pub(super) $name: $crate::table::Statement,)*
        }

        impl Statements {
            pub(super) fn new(statement: impl Fn(&str) -> $crate::table::Statement) -> Self {
                Self { $($name: statement($text),)* }
            }
        }
    };
}
pub(crate) use statements;

/// Returns `true` for a name that every database accepts, with room for the suffixes of its indexes.
fn is_identifier(name: &str) -> bool {
    let begins_well = name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_');
    begins_well && name.len() <= 48 && name.chars().all(is_word_character)
}

fn is_word_character(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_identifier_is_refused() {
        for name in ["sessions", "_s1", "web.sessions", &"a".repeat(48)] {
            assert!(Table::parse(name).is_ok(), "{name}");
        }
        for name in ["", "1s", "a b", "a;b", "a\"b", "a`b", "a.b.c", ".a", "a.", "ä", &"a".repeat(49)] {
            assert!(Table::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn statements_name_the_table_in_quotes() {
        let sql = |name, quote| Table::parse(name).unwrap().statement("SELECT 1 FROM {table} AS t", quote).0;
        assert_eq!(&*sql("order", '"'), r#"SELECT 1 FROM "order" AS t"#);
        assert_eq!(&*sql("web.order", '`'), "SELECT 1 FROM `web`.`order` AS t");
    }

    #[test]
    fn files_get_the_name_of_the_table_and_of_its_indexes() {
        let file = "CREATE TABLE http_sessions (a);\nCREATE INDEX http_sessions_user ON http_sessions (a);";
        let sql = |name| Table::parse(name).unwrap().in_file(file, "http_sessions", '"').as_str().to_owned();
        assert_eq!(
            sql("web.order"),
            "CREATE TABLE \"web\".\"order\" (a);\nCREATE INDEX order_user ON \"web\".\"order\" (a);"
        );
        assert_eq!(
            sql("my_http_sessions"),
            "CREATE TABLE \"my_http_sessions\" (a);\nCREATE INDEX my_http_sessions_user ON \"my_http_sessions\" (a);"
        );
    }
}
