//! Tokens against requests that other sites forge (CSRF).

use subtle::ConstantTimeEq;

use super::Session;
use crate::encoding::{URL_SAFE, decode_short, encode_short};
use crate::error::SessionError;
use crate::user::SessionRef;

/// The key of the session map.
const KEY: &str = "_csrf";

/// The largest number of secrets of one session. This many pages can load at the same time before the first response
/// arrives.
const MAX_SECRETS: usize = 4;

/// The length of a secret, which is the text of a random [`SessionRef`].
const SECRET_BYTES: usize = 16;

/// The length of a token: mask and masked secret, in base64url.
const TOKEN_LEN: usize = 43;

/// Protection from forged requests.
impl Session {
    /// Returns a token for the forms of a page, or for a request header that its scripts set.
    /// [`verify_csrf`](Self::verify_csrf) checks it.
    ///
    /// The first call stores a secret in the session, under the key `_csrf`. Each token is that secret under a new
    /// random mask, so that compressed pages can't reveal it (BREACH). All tokens of the session stay valid until the
    /// user [signs in](Self::sign_in), or the session is [cleared](Self::clear) or ends.
    ///
    /// ```
    /// # use session_core::{SessionConfigBuilder, SessionError, SessionManager};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let manager = SessionManager::new(SessionConfigBuilder::development("id").build()?);
    /// # let handle = manager.open([]);
    /// # let session = handle.load().await?;
    /// // The page:
    /// let field = format!(r#"<input type="hidden" name="csrf" value="{}">"#, session.csrf_token()?);
    /// // The handler of the form, with the field that came back:
    /// # let sent = session.csrf_token()?;
    /// session.verify_csrf(&sent)?;
    /// assert!(matches!(session.verify_csrf("forged"), Err(SessionError::CsrfMismatch)));
    /// # let _ = field;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of [`update`](Self::update), [`SessionError::Value`] if the application has stored another value
    /// under the key `_csrf`, and [`SessionError::NoRandomNumbers`] if the operating system has none.
    pub fn csrf_token(&self) -> Result<String, SessionError> {
        let secret = match self.csrf_secrets()?.first() {
            Some(secret) => *secret,
            None => {
                let secret = SessionRef::random().ok_or(SessionError::NoRandomNumbers)?;
                // Added to the secrets of concurrent requests, because this request's page already contains a token
                // made with this secret.
                self.update(KEY, move |secrets: Option<Vec<SessionRef>>| {
                    let mut secrets = secrets.unwrap_or_default();
                    if !secrets.contains(&secret) && secrets.len() < MAX_SECRETS {
                        secrets.push(secret);
                    }
                    secrets
                })?;
                secret
            }
        };
        let mut bytes = [0; 2 * SECRET_BYTES];
        let (mask, masked) = bytes.split_at_mut(SECRET_BYTES);
        getrandom::fill(mask).map_err(|_| SessionError::NoRandomNumbers)?;
        for ((masked, mask), secret) in masked.iter_mut().zip(mask).zip(secret.as_str().as_bytes()) {
            *masked = *mask ^ secret;
        }
        let mut text = [0; TOKEN_LEN];
        let len = encode_short(&bytes, &mut text);
        Ok(String::from_utf8_lossy(&text[..len]).into_owned())
    }

    /// Checks a token that came back with a form or a header.
    ///
    /// Call it in each handler that changes something and that authenticates the user by the cookie alone. Secrets are
    /// compared in constant time.
    ///
    /// # Errors
    ///
    /// [`SessionError::CsrfMismatch`], with the status 403, if the token does not belong to this session.
    /// [`SessionError::Value`] if the application has stored another value under the key `_csrf`.
    pub fn verify_csrf(&self, token: &str) -> Result<(), SessionError> {
        let mut bytes = [0; 2 * SECRET_BYTES];
        if token.len() != TOKEN_LEN || !decode_short(token.as_bytes(), &URL_SAFE, &mut bytes) {
            return Err(SessionError::CsrfMismatch);
        }
        let (mask, masked) = bytes.split_at(SECRET_BYTES);
        let given: [u8; SECRET_BYTES] = std::array::from_fn(|index| mask[index] ^ masked[index]);
        let secrets = self.csrf_secrets()?;
        let is_one = secrets.iter().any(|secret| bool::from(secret.as_str().as_bytes().ct_eq(&given)));
        if is_one { Ok(()) } else { Err(SessionError::CsrfMismatch) }
    }

    fn csrf_secrets(&self) -> Result<Vec<SessionRef>, SessionError> {
        Ok(self.get(KEY)?.unwrap_or_default())
    }

    /// Removes the secrets, because an attacker who planted the session knows its tokens.
    pub(super) fn end_csrf_tokens(&self) -> Result<(), SessionError> {
        self.remove(KEY).map(drop)
    }
}
