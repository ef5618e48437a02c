//! The integration tests of `session-compat`: one binary, one module for each subject.

mod actix;
mod cookie_session;
mod cookies;
mod django_cache;
mod django_cached_db;
mod django_db;
mod express;
mod flask_session;
mod fuzz;
mod pickle;
mod support;
mod tower;
