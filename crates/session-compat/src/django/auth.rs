//! The session hash of Django's users.

use hmac::Mac;

use super::signing::keyed;

const SALT: &[u8] = b"django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash";

/// Returns the `_auth_user_hash` of a user, from the `SECRET_KEY` and the column `password` of `auth_user`.
///
/// A session is signed in for Django if it has three keys: this hash, `_auth_user_id` with the primary key as text, and
/// `_auth_user_backend`, for instance `django.contrib.auth.backends.ModelBackend`. Give the session a new id first, by
/// [`Session::renew`](session_core::Session::renew).
#[must_use]
pub fn django_auth_hash(secret_key: impl AsRef<[u8]>, password: &str) -> String {
    let mac = keyed(&[SALT, secret_key.as_ref()]).chain_update(password).finalize();
    mac.into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
