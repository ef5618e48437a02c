//! The cookie formats that a service can use.

use clap::builder::PossibleValuesParser;
#[cfg(feature = "compat")]
use session_compat::{ActixSession, DjangoCookie, Express, Flask, FlaskSession};
#[cfg(feature = "compat")]
use session_core::SessionConfigBuilder;

/// The format of `session-core` itself.
pub(crate) const STARLETTE: &str = "starlette";

/// The rows of Django's table, which are not cookies.
#[cfg(feature = "compat")]
pub(crate) const DJANGO_ROW: &str = "django-db";

/// A format of `session-compat`.
#[cfg(feature = "compat")]
pub(crate) struct Format {
    pub(crate) name: &'static str,
    pub(crate) code: &'static str,
    pub(crate) in_store: bool,
    pub(crate) apply: fn(SessionConfigBuilder) -> SessionConfigBuilder,
}

#[cfg(feature = "compat")]
pub(crate) const FORMATS: &[Format] = &[
    Format { name: "flask", code: "Flask::new()", in_store: false, apply: |builder| builder.format(Flask::new()) },
    Format {
        name: "django-cookie",
        code: "DjangoCookie",
        in_store: false,
        apply: |builder| builder.format(DjangoCookie),
    },
    Format { name: "express", code: "Express::new()", in_store: true, apply: |builder| builder.format(Express::new()) },
    Format {
        name: "flask-session",
        code: "FlaskSession::new().signed()",
        in_store: true,
        apply: |builder| builder.format(FlaskSession::new().signed()),
    },
    Format {
        name: "actix-session",
        code: "ActixSession::in_cookie()",
        in_store: false,
        apply: |builder| builder.format(ActixSession::in_cookie()),
    },
    Format {
        name: "actix-session-signed",
        code: "ActixSession::in_cookie().signed()",
        in_store: false,
        apply: |builder| builder.format(ActixSession::in_cookie().signed()),
    },
    Format {
        name: "actix-session-redis",
        code: "ActixSession::in_redis()",
        in_store: true,
        apply: |builder| builder.format(ActixSession::in_redis()),
    },
];

/// Returns the names of all formats.
pub(crate) fn names() -> PossibleValuesParser {
    let names = std::iter::once(STARLETTE);
    #[cfg(feature = "compat")]
    let names = names.chain(FORMATS.iter().map(|format| format.name));
    PossibleValuesParser::new(names)
}
