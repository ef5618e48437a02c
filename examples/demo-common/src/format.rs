//! The frameworks that a demo can share its sessions with.

use std::time::Duration;

use clap::ValueEnum;
use session_compat::{
    ActixSession, CookieSession, DjangoCache, DjangoCookie, Express, Flask, FlaskSession, StarlettePickle,
    TowerSessions,
};
use session_core::SessionConfigBuilder;
use session_core::starlette::BackendType;
use session_memcache::MemcacheBackendBuilder;
use session_redis::RedisBackendBuilder;

/// A framework, and the way in which it keeps sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatName {
    /// starlette-session with `redis`, `aioRedis` or `aioMemcache`.
    StarlettePickle,
    /// Express with express-session and connect-redis. The name of its cookie is `connect.sid`, unless it is told another.
    Express,
    /// Express with cookie-session.
    CookieSession,
    /// Flask with its own sessions, in the cookie.
    Flask,
    /// actix-session with `CookieSessionStore` or `RedisSessionStore`, as the backend says, encrypted.
    ActixSession,
    /// Flask with Flask-Session in Redis, in msgpack.
    FlaskSession,
    /// Django with the engine `cache` in Redis, in pickles. The name of its cookie is `sessionid`, unless it is told another.
    DjangoCache,
    /// Django with the engine `signed_cookies`. The name of its cookie is `sessionid`, unless it is told another.
    DjangoCookie,
    /// tower-sessions in Redis, whose cookie is the bare id.
    TowerSessions,
}

impl FormatName {
    /// Sets the format of a configuration.
    pub(crate) fn apply(
        self,
        builder: SessionConfigBuilder,
        backend: BackendType,
        max_age: Option<u64>,
    ) -> SessionConfigBuilder {
        match self {
            Self::ActixSession if backend == BackendType::Cookie => {
                builder.format(actix_session(ActixSession::in_cookie(), max_age))
            }
            Self::ActixSession => builder.format(actix_session(ActixSession::in_redis(), max_age)),
            Self::StarlettePickle => builder.format(StarlettePickle),
            Self::Express => builder.format(express(max_age)),
            Self::CookieSession => builder.format(cookie_session(max_age)),
            Self::Flask => builder.format(flask(max_age)),
            Self::FlaskSession => builder.format(flask_session(max_age)),
            Self::DjangoCache => builder.format(DjangoCache::new()),
            Self::DjangoCookie => builder.format(DjangoCookie),
            Self::TowerSessions => builder.format(tower_sessions(max_age)),
        }
    }

    /// Returns the prefix of keys in the store that the framework makes of the one it is told.
    pub(crate) fn key_prefix(self, told: &str) -> String {
        match self {
            Self::DjangoCache => format!("{told}:1:django.contrib.sessions.cache"),
            _ => told.to_owned(),
        }
    }

    /// Sets the form of the values in Redis.
    pub(crate) fn in_redis(self, backend: RedisBackendBuilder, max_age: Option<u64>) -> RedisBackendBuilder {
        match self {
            Self::StarlettePickle => backend.codec(StarlettePickle),
            Self::Express => backend.codec(express(max_age)),
            Self::ActixSession => backend.codec(ActixSession::in_redis()),
            Self::FlaskSession => backend.codec(flask_session(max_age)),
            Self::DjangoCache => backend.codec(DjangoCache::new()),
            Self::TowerSessions => backend.codec(tower_sessions(max_age)),
            Self::Flask | Self::CookieSession | Self::DjangoCookie => backend,
        }
    }

    /// Sets the form of the values in memcached.
    pub(crate) fn in_memcache(self, backend: MemcacheBackendBuilder, max_age: Option<u64>) -> MemcacheBackendBuilder {
        match self {
            Self::StarlettePickle => backend.codec(StarlettePickle).client_flags(0),
            Self::Express => backend.codec(express(max_age)),
            Self::ActixSession => backend.codec(ActixSession::in_redis()),
            Self::FlaskSession => backend.codec(flask_session(max_age)),
            Self::DjangoCache => backend.codec(DjangoCache::new()),
            Self::TowerSessions => backend.codec(tower_sessions(max_age)),
            Self::Flask | Self::CookieSession | Self::DjangoCookie => backend,
        }
    }
}

/// Express as it is with this `cookie.maxAge`, in seconds.
fn express(max_age: Option<u64>) -> Express {
    max_age.map_or_else(Express::new, |seconds| Express::new().max_age(Duration::from_secs(seconds)))
}

/// cookie-session as it is with this `maxAge`, in seconds.
fn cookie_session(max_age: Option<u64>) -> CookieSession {
    max_age.map_or_else(CookieSession::new, |seconds| CookieSession::new().max_age(Duration::from_secs(seconds)))
}

/// Flask as it is with this `PERMANENT_SESSION_LIFETIME`, in seconds.
fn flask(lifetime: Option<u64>) -> Flask {
    lifetime.map_or_else(Flask::new, |seconds| Flask::new().lifetime(Duration::from_secs(seconds)))
}

/// Flask-Session as it is with this `PERMANENT_SESSION_LIFETIME`, in seconds.
fn flask_session(lifetime: Option<u64>) -> FlaskSession {
    lifetime.map_or_else(FlaskSession::new, |seconds| FlaskSession::new().lifetime(Duration::from_secs(seconds)))
}

/// actix-session as it is with this `session_ttl`, in seconds.
fn actix_session(format: ActixSession, ttl: Option<u64>) -> ActixSession {
    ttl.map_or(format, |seconds| format.persistent(Duration::from_secs(seconds)))
}

/// tower-sessions as it is with this `Expiry::OnInactivity`, in seconds.
fn tower_sessions(inactivity: Option<u64>) -> TowerSessions {
    inactivity
        .map_or_else(TowerSessions::new, |seconds| TowerSessions::new().on_inactivity(Duration::from_secs(seconds)))
}
