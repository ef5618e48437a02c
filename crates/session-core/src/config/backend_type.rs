//! The predefined backends, by name.

use std::fmt;
use std::str::FromStr;

/// The kinds of store that come with this project, for configuration by name.
///
/// ```
/// use session_core::starlette::BackendType;
///
/// assert_eq!("redis".parse(), Ok(BackendType::Redis));
/// let unknown = "etcd".parse::<BackendType>().unwrap_err();
/// assert_eq!(unknown.to_string(), r#"unknown predefined backend "etcd", must be one of: cookie, memory, redis, memcache, sqlite, postgres, mysql"#);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BackendType {
    /// No store: the cookie holds the session itself.
    #[default]
    Cookie,
    /// The memory of this process: [`MemoryBackend`](crate::MemoryBackend).
    Memory,
    /// Redis or Valkey. starlette-session calls it `redis` or `aioRedis`.
    Redis,
    /// memcached. starlette-session calls it `memcache` or `aioMemcache`.
    Memcache,
    /// An SQLite file.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    Mysql,
}

impl BackendType {
    pub(super) const ALL: [Self; 7] =
        [Self::Cookie, Self::Memory, Self::Redis, Self::Memcache, Self::Sqlite, Self::Postgres, Self::Mysql];

    /// Returns the name that the type is parsed from.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cookie => "cookie",
            Self::Memory => "memory",
            Self::Redis => "redis",
            Self::Memcache => "memcache",
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }

    /// Returns the crate that has the backend.
    pub(super) fn crate_name(self) -> &'static str {
        match self {
            Self::Cookie | Self::Memory => "session-core",
            Self::Redis => "session-redis",
            Self::Memcache => "session-memcache",
            Self::Sqlite | Self::Postgres | Self::Mysql => "session-sql",
        }
    }
}

impl fmt::Display for BackendType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for BackendType {
    type Err = UnknownPredefinedBackend;

    fn from_str(name: &str) -> Result<Self, UnknownPredefinedBackend> {
        let name = match name {
            "aioRedis" => "redis",
            "aioMemcache" => "memcache",
            other => other,
        };
        let known = Self::ALL.into_iter().find(|backend| backend.name() == name);
        known.ok_or_else(|| UnknownPredefinedBackend { given: name.to_owned() })
    }
}

/// The error for a name that is not that of a predefined backend.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown predefined backend {given:?}, must be one of: {}", known_names())]
pub struct UnknownPredefinedBackend {
    /// The name that was given.
    pub given: String,
}

/// Prints the sentence, because `fn main() -> Result<(), UnknownPredefinedBackend>` prints `Debug`.
impl fmt::Debug for UnknownPredefinedBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

fn known_names() -> String {
    BackendType::ALL.map(BackendType::name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_original_are_understood() {
        for (name, backend) in [
            ("cookie", BackendType::Cookie),
            ("memory", BackendType::Memory),
            ("redis", BackendType::Redis),
            ("aioRedis", BackendType::Redis),
            ("memcache", BackendType::Memcache),
            ("aioMemcache", BackendType::Memcache),
        ] {
            assert_eq!(name.parse(), Ok(backend));
        }
    }

    #[test]
    fn an_unknown_name_is_an_error_that_names_it_and_the_known_ones() {
        for name in ["", "Redis", "oracle"] {
            let error = name.parse::<BackendType>().unwrap_err();
            assert_eq!(error.given, name);
            assert!(error.to_string().contains("cookie, memory, redis, memcache, sqlite, postgres, mysql"), "{error}");
        }
    }
}
