//! The frameworks that a demo can share its sessions with.

use std::time::Duration;

use clap::ValueEnum;
use session_compat::{
    ActixSession, CookieSession, DjangoCache, DjangoCookie, DjangoDb, Express, Flask, FlaskSession, StarlettePickle,
    TowerSessions,
};
use session_core::SessionConfigBuilder;
use session_core::starlette::BackendType;

/// A framework and its way of keeping sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatName {
    /// starlette-session with `redis`, `aioRedis` or `aioMemcache`
    StarlettePickle,
    /// Express with express-session and connect-redis
    Express,
    /// Express with cookie-session
    CookieSession,
    /// Flask with its own sessions, in the cookie
    Flask,
    /// actix-session with `CookieSessionStore` or `RedisSessionStore`, as the backend says
    ActixSession,
    /// Flask with Flask-Session in Redis
    FlaskSession,
    /// Django with the engine `cache` in Redis
    DjangoCache,
    /// Django with the engine `signed_cookies`
    DjangoCookie,
    /// Django with the engine `db`, its default, in the table of `--sql-url`
    DjangoDb,
    /// Django with the engine `cached_db`, in the table of `--sql-url` and the cache of `--redis-url`
    DjangoCachedDb,
    /// tower-sessions in Redis
    TowerSessions,
}

/// The form of a framework's cookies, where that has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Cookies {
    /// The bare id, as tower-sessions and flask-session have it by default
    Plain,
    /// Signed
    Signed,
    /// Encrypted, as actix-session has it by default
    Private,
}

/// The form of a framework's stored values, where that has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Values {
    /// JSON
    Json,
    /// As flask-session has it by default
    Msgpack,
    /// As django-cache has it by default
    Pickle,
}

/// The settings of a framework.
#[derive(Clone, Copy)]
pub(crate) struct Variant<'a> {
    /// The first one signs.
    pub(crate) secrets: &'a [String],
    pub(crate) backend: BackendType,
    pub(crate) cookies: Option<Cookies>,
    pub(crate) values: Option<Values>,
    /// In seconds.
    pub(crate) max_age: Option<u64>,
}

impl FormatName {
    /// Sets the format of a configuration. Returns `None` if the framework has no such variant.
    pub(crate) fn apply(self, builder: SessionConfigBuilder, variant: Variant<'_>) -> Option<SessionConfigBuilder> {
        let max_age = variant.max_age.map(Duration::from_secs);
        Some(match (self, variant.cookies, variant.values) {
            (Self::StarlettePickle, None, None) => builder.format(StarlettePickle),
            (Self::Express, None, None) => builder.format(or(Express::new(), max_age, Express::max_age)),
            (Self::CookieSession, None, None) => {
                builder.format(or(CookieSession::new(), max_age, CookieSession::max_age))
            }
            (Self::Flask, None, None) => builder.format(or(Flask::new(), max_age, Flask::lifetime)),
            (Self::DjangoCookie, None, None) => builder.format(DjangoCookie),
            (Self::DjangoDb | Self::DjangoCachedDb, None, None) => builder.format(django_db(variant.secrets)?),
            (Self::DjangoCache, None, None | Some(Values::Pickle)) => builder.format(DjangoCache::new()),
            (Self::DjangoCache, None, Some(Values::Json)) => builder.format(DjangoCache::new().json()),
            (Self::FlaskSession, cookies @ (None | Some(Cookies::Plain | Cookies::Signed)), values) => {
                let flask = or(FlaskSession::new(), max_age, FlaskSession::lifetime);
                let flask = if cookies == Some(Cookies::Signed) { flask.signed() } else { flask };
                builder.format(match values {
                    None | Some(Values::Msgpack) => flask,
                    Some(Values::Json) => flask.json(),
                    Some(Values::Pickle) => return None,
                })
            }
            (Self::ActixSession, cookies @ (None | Some(Cookies::Private | Cookies::Signed)), None) => {
                let in_cookie = variant.backend == BackendType::Cookie;
                let actix = if in_cookie { ActixSession::in_cookie() } else { ActixSession::in_redis() };
                let actix = or(actix, max_age, ActixSession::persistent);
                builder.format(if cookies == Some(Cookies::Signed) { actix.signed() } else { actix })
            }
            (Self::TowerSessions, cookies, None) => {
                let tower = or(TowerSessions::new(), max_age, TowerSessions::on_inactivity);
                builder.format(match cookies {
                    None | Some(Cookies::Plain) => tower,
                    Some(Cookies::Signed) => tower.signed(),
                    Some(Cookies::Private) => tower.private(),
                })
            }
            _ => return None,
        })
    }

    /// Returns the name of the framework's cookie, unless the framework is told another.
    pub(crate) fn cookie_name(self) -> &'static str {
        match self {
            Self::StarlettePickle => "session",
            Self::Express => Express::COOKIE_NAME,
            Self::CookieSession => CookieSession::COOKIE_NAME,
            Self::Flask => Flask::COOKIE_NAME,
            Self::ActixSession => ActixSession::COOKIE_NAME,
            Self::FlaskSession => FlaskSession::COOKIE_NAME,
            Self::DjangoCache => DjangoCache::COOKIE_NAME,
            Self::DjangoCookie => DjangoCookie::COOKIE_NAME,
            Self::DjangoDb | Self::DjangoCachedDb => DjangoDb::COOKIE_NAME,
            Self::TowerSessions => TowerSessions::COOKIE_NAME,
        }
    }

    /// Returns the prefix of keys in the store that the framework makes from its configured prefix.
    pub(crate) fn key_prefix(self, told: &str) -> String {
        match self {
            Self::DjangoCache => format!("{told}:1:django.contrib.sessions.cache"),
            _ => told.to_owned(),
        }
    }
}

/// Returns the format of Django's table for a `SECRET_KEY` and its fallbacks, unless there is none.
pub(crate) fn django_db(secrets: &[String]) -> Option<DjangoDb> {
    let (secret_key, fallbacks) = secrets.split_first()?;
    Some(fallbacks.iter().fold(DjangoDb::new(secret_key), DjangoDb::fallback))
}

/// Returns the format with a lifetime, if there is one.
fn or<F>(format: F, lifetime: Option<Duration>, with_lifetime: impl FnOnce(F, Duration) -> F) -> F {
    match lifetime {
        Some(lifetime) => with_lifetime(format, lifetime),
        None => format,
    }
}
