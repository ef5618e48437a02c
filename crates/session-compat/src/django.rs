//! The sessions of Django.

#[cfg(any(feature = "django-cookie", feature = "django-db"))]
mod auth;
#[cfg(any(feature = "django-cache", feature = "django-db"))]
mod bare_ids;
#[cfg(feature = "django-cache")]
mod cache;
#[cfg(feature = "django-db")]
mod cached_db;
#[cfg(feature = "django-cookie")]
mod cookie;
#[cfg(feature = "django-db")]
mod db;
mod expiry;
#[cfg(any(feature = "django-cookie", feature = "django-db"))]
mod signing;

use session_core::format::FormatSettings;
use session_core::{OnDuplicate, Refresh};

#[cfg(any(feature = "django-cookie", feature = "django-db"))]
pub use auth::django_auth_hash;
#[cfg(feature = "django-cache")]
pub use cache::DjangoCache;
#[cfg(feature = "django-db")]
pub use cached_db::DjangoCachedDb;
#[cfg(feature = "django-cookie")]
pub use cookie::DjangoCookie;
#[cfg(feature = "django-db")]
pub use db::DjangoDb;

/// Completes the settings of an engine with those of all engines.
fn common_settings(of_engine: FormatSettings) -> FormatSettings {
    // As `SESSION_SAVE_EVERY_REQUEST`, which is off by default.
    of_engine.on_duplicate(OnDuplicate::Last).refresh(Refresh::Never)
}
