//! The session hash of Django's users.

use hmac::Mac;

use super::signing::keyed;

const SALT: &[u8] = b"django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash";

/// Returns the `_auth_user_hash` of a user, from the `SECRET_KEY` and the column `password` of `auth_user`.
///
/// For Django, a user is signed in if the session has three keys: this hash, `_auth_user_id` with the primary key as
/// text, and `_auth_user_backend`, for instance `django.contrib.auth.backends.ModelBackend`. Before you set them, give
/// the session a new id with [`Session::renew`](session_core::Session::renew).
#[must_use]
pub fn django_auth_hash(secret_key: impl AsRef<[u8]>, password: &str) -> String {
    let mac = keyed(&[SALT, secret_key.as_ref()]).chain_update(password).finalize();
    mac.into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
