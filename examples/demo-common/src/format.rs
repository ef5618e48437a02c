//! The frameworks that a demo can share its sessions with.

use clap::ValueEnum;
use session_compat::StarlettePickle;
use session_core::SessionConfigBuilder;
use session_memcache::MemcacheBackendBuilder;
use session_redis::RedisBackendBuilder;

/// A framework, and the way in which it keeps sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatName {
    /// starlette-session with `redis`, `aioRedis` or `aioMemcache`.
    StarlettePickle,
}

impl FormatName {
    /// Sets the format of a configuration.
    pub(crate) fn apply(self, builder: SessionConfigBuilder) -> SessionConfigBuilder {
        match self {
            Self::StarlettePickle => builder.format(StarlettePickle),
        }
    }

    /// Sets the form of the values in Redis.
    pub(crate) fn in_redis(self, backend: RedisBackendBuilder) -> RedisBackendBuilder {
        match self {
            Self::StarlettePickle => backend.codec(StarlettePickle),
        }
    }

    /// Sets the form of the values in memcached.
    pub(crate) fn in_memcache(self, backend: MemcacheBackendBuilder) -> MemcacheBackendBuilder {
        match self {
            Self::StarlettePickle => backend.codec(StarlettePickle).client_flags(0),
        }
    }
}
