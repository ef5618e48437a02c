//! The sessions of Django.

#[cfg(feature = "django-cache")]
mod cache;
#[cfg(feature = "django-cookie")]
mod cookie;
mod expiry;
#[cfg(feature = "django-cookie")]
mod signing;

#[cfg(feature = "django-cache")]
pub use cache::DjangoCache;
#[cfg(feature = "django-cookie")]
pub use cookie::DjangoCookie;
