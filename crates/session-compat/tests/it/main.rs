//! The integration tests of `session-compat`: one binary, one module for each subject.

#[cfg(any(feature = "django-cookie", feature = "flask"))]
mod cookies;
#[cfg(feature = "express")]
mod express;
#[cfg(feature = "starlette-pickle")]
mod pickle;
mod support;
