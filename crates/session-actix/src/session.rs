//! The session as handlers get it.

use std::ops::Deref;

use actix_web::HttpMessage;
use session_core::SessionError;

/// The session of a request, loaded: an extractor.
///
/// All that can be done with it is described at [`session_core::Session`], which this dereferences to.
#[derive(Clone, Debug)]
pub struct Session(session_core::Session);

impl Deref for Session {
    type Target = session_core::Session;

    fn deref(&self) -> &session_core::Session {
        &self.0
    }
}

/// A handle to the session of a request, which may not be loaded yet: an extractor. The middleware puts it into the
/// request's extensions.
///
/// Take this instead of [`Session`] where the session is needed in some cases only, or is to be destroyed. What else can
/// be done with it is described at [`session_core::SessionHandle`], which this dereferences to.
#[derive(Clone, Debug)]
pub struct SessionHandle(pub(crate) session_core::SessionHandle);

impl SessionHandle {
    /// Returns the handle of a request: an `HttpRequest` or a `ServiceRequest`.
    ///
    /// # Errors
    ///
    /// [`SessionError::MissingLayer`] if no [`SessionMiddleware`](crate::SessionMiddleware) has seen the request.
    pub fn of(request: &impl HttpMessage) -> Result<Self, SessionRejection> {
        let add = "`.wrap(SessionMiddleware::new(config))`";
        request.extensions().get().cloned().ok_or(SessionRejection(SessionError::MissingLayer { add }))
    }

    /// Returns the handle of another session of the same request, by the name of its cookie: where middleware with different
    /// configurations is nested, the request's own handle is that of the innermost one.
    ///
    /// # Errors
    ///
    /// [`SessionError::UnknownCookieName`] if no middleware that has seen the request has this cookie name.
    pub fn named(&self, cookie_name: &str) -> Result<Self, SessionRejection> {
        Ok(Self(self.0.named(cookie_name)?.clone()))
    }

    /// Loads the session; see [`session_core::SessionHandle::load`].
    ///
    /// # Errors
    ///
    /// [`SessionError::Store`] if the store can't answer, or if the stored session is unreadable and the configuration says
    /// so. [`SessionError::LayersDiffer`] if two layers of one cookie name have different configurations. The session then
    /// fails to load for the rest of the request.
    pub async fn load(&self) -> Result<Session, SessionError> {
        self.0.load().await.map(Session)
    }
}

/// The id of the user who is signed in, such as `CurrentUser<u64>`: see [`session_core::Session::sign_in`].
///
/// An extractor. Without a user the answer is 401; `Option<CurrentUser>` is `None` then, and also if the session can't be
/// loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrentUser<T = String>(pub T);

impl Deref for SessionHandle {
    type Target = session_core::SessionHandle;

    fn deref(&self) -> &session_core::SessionHandle {
        &self.0
    }
}

impl From<session_core::SessionHandle> for SessionHandle {
    fn from(handle: session_core::SessionHandle) -> Self {
        Self(handle)
    }
}

/// A session error that a handler can return with `?`.
///
/// It makes a response, which the middleware's [`on_error`](crate::SessionMiddleware::on_error) replaces.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct SessionRejection(#[from] SessionError);

impl SessionRejection {
    /// Returns the error.
    #[must_use]
    pub fn error(&self) -> &SessionError {
        &self.0
    }
}
