//! Signing in and out.

use std::fmt::Display;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Session, set_meta};
use crate::error::SessionError;
use crate::id::SessionId;
use crate::meta::{META_KEY, Meta, RecordChange};
use crate::user::SessionRef;
use crate::user::sign_in::SignIn;

/// The largest number of bytes of a user's id.
const MAX_USER_BYTES: usize = 255;

/// The largest number of a session's labels.
const MAX_LABELS: usize = 8;

/// The largest number of bytes of a label's name.
const MAX_LABEL_NAME_BYTES: usize = 32;

/// The largest number of bytes of a label. A longer label is truncated.
const MAX_LABEL_BYTES: usize = 256;

/// Signing in and out.
impl Session {
    /// Signs a user in: binds the session to the user and gives it a new id. The session keeps its data.
    ///
    /// Call this after the user has authenticated, and again when a signed-in user re-authenticates before a sensitive
    /// action. The absolute lifetime restarts, and the session's own [`Lifetime`](crate::Lifetime), if any, is reset.
    /// Labels and CSRF tokens from before the sign-in are dropped.
    ///
    /// The user's id is a text of 1 to 255 bytes, such as a number, a UUID, or the `sub` claim of OpenID Connect.
    ///
    /// If another request renews the session at the same time, this request begins a separate session that holds only
    /// its own changes. If another request destroys or revokes the session, the commit fails with
    /// [`SessionError::Gone`].
    ///
    /// ```
    /// # use session_core::{MemoryBackend, SessionConfigBuilder, SessionError, SessionManager};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let config = SessionConfigBuilder::development("id").backend(MemoryBackend::new());
    /// # let manager = SessionManager::new(config.build()?);
    /// # let handle = manager.open([]);
    /// # let session = handle.load().await?;
    /// session.sign_in(42)?;
    /// session.set_label("device", "Firefox on Linux")?;
    /// assert_eq!(session.user::<u64>()?, Some(42));
    /// # let _commit = handle.commit(200).await;
    /// assert_eq!(manager.sessions_of(42).await?.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`SessionError::InvalidUser`] if the id is empty or longer than 255 bytes.
    /// - [`SessionError::HeadersSent`] after the response head.
    /// - [`SessionError::Gone`] after a [`save`](Self::save) has found the session gone.
    /// - [`SessionError::NoRandomNumbers`] if the operating system has none.
    pub fn sign_in(&self, user: impl Display) -> Result<(), SessionError> {
        let id = user.to_string();
        if id.is_empty() || id.len() > MAX_USER_BYTES {
            return Err(SessionError::InvalidUser { bytes: id.len() });
        }
        let now = self.shared.context.config.clock.since_epoch();
        let at = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let reference = SessionRef::random().ok_or(SessionError::NoRandomNumbers)?;
        let user = SignIn { id: id.into(), at, reference, epoch: None, labels: Default::default() };
        self.end_csrf_tokens()?;
        let mut session = self.state();
        let foreign = Meta::of(session.data()).foreign;
        let meta = Meta { created: Some(now.as_secs()), user: Some(Box::new(user)), foreign, ..Meta::default() };
        session.renew()?;
        set_meta(&mut session, &meta, RecordChange::SignIn)
    }

    /// Signs the user out by destroying the session; see [`SessionHandle::destroy`](crate::SessionHandle::destroy).
    pub fn sign_out(&self) {
        self.destroy();
    }

    /// Returns the id of the signed-in user; `None` if no user is signed in.
    ///
    /// # Errors
    ///
    /// [`SessionError::UserNotReadable`] if the user's id can't be parsed as a `T`.
    pub fn user<T: FromStr>(&self) -> Result<Option<T>, SessionError> {
        let Some(user) = self.sign_in_record() else { return Ok(None) };
        user.id.parse().map(Some).map_err(|_| SessionError::UserNotReadable)
    }

    /// Returns `true` if a user is signed in.
    #[must_use]
    pub fn is_signed_in(&self) -> bool {
        self.sign_in_record().is_some()
    }

    /// Returns the time of the last sign-in; `None` if no user is signed in. Check it before a sensitive action.
    #[must_use]
    pub fn authenticated_at(&self) -> Option<SystemTime> {
        self.sign_in_record().map(|user| UNIX_EPOCH + Duration::from_millis(user.at))
    }

    /// Returns the time when the session began or its user last signed in, to the second.
    ///
    /// `None` if the time is not recorded. It is recorded for signed-in users, and for all sessions if an [absolute
    /// lifetime](crate::SessionConfigBuilder::absolute_lifetime) is configured.
    #[must_use]
    pub fn created_at(&self) -> Option<SystemTime> {
        Meta::of(self.state().data()).created.map(|created| UNIX_EPOCH + Duration::from_secs(created))
    }

    /// Returns the reference of the sign-in, which lists show and [`revoke`](crate::SessionManager::revoke) takes;
    /// `None` if no user is signed in.
    #[must_use]
    pub fn reference(&self) -> Option<SessionRef> {
        self.sign_in_record().map(|user| user.reference)
    }

    /// Labels the session of a signed-in user, for the page that lists the user's sessions: a device, an address, a
    /// place.
    ///
    /// A label longer than 256 bytes is truncated. A session has up to 8 labels, and their names have 1 to 32 bytes.
    ///
    /// # Errors
    ///
    /// - [`SessionError::InvalidLabelName`] if the name is empty or longer than 32 bytes.
    /// - [`SessionError::NotSignedIn`] if no user is signed in.
    /// - [`SessionError::TooManyLabels`] if the session would have more than 8 labels.
    /// - [`SessionError::HeadersSent`] and [`SessionError::Gone`].
    pub fn set_label(&self, name: &str, label: &str) -> Result<(), SessionError> {
        if name.is_empty() || name.len() > MAX_LABEL_NAME_BYTES {
            return Err(SessionError::InvalidLabelName { bytes: name.len() });
        }
        let mut session = self.state();
        let mut meta = Meta::of(session.data());
        let user = meta.user.as_mut().ok_or(SessionError::NotSignedIn)?;
        if user.labels.len() == MAX_LABELS && !user.labels.contains_key(name) {
            return Err(SessionError::TooManyLabels { limit: MAX_LABELS });
        }
        let cut = (0..=label.len().min(MAX_LABEL_BYTES)).rev().find(|&at| label.is_char_boundary(at)).unwrap_or(0);
        let label = &label[..cut];
        user.labels.insert(name.into(), label.into());
        set_meta(&mut session, &meta, RecordChange::Label(name.into()))
    }

    /// Returns the label of this name; `None` if it is not set or no user is signed in.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<String> {
        self.sign_in_record()?.labels.get(name).map(|label| label.to_string())
    }

    /// Returns the id under which the store has the session now, even if the session will be renewed.
    pub(crate) fn stored_id(&self) -> Option<SessionId> {
        self.state().id().copied()
    }

    pub(crate) fn sign_in_record(&self) -> Option<Box<SignIn>> {
        let session = self.state();
        // The check is cheap, and few sessions have the record, which has to be parsed.
        session.data().contains_key(META_KEY).then(|| Meta::of(session.data()).user)?
    }
}
