//! The sessions of Django.

#[cfg(feature = "django-cookie")]
mod cookie;
mod expiry;
#[cfg(feature = "django-cookie")]
mod signing;

#[cfg(feature = "django-cookie")]
pub use cookie::DjangoCookie;
