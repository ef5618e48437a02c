//! The types that handlers use.

use std::ops::Deref;

use actix_web::HttpMessage;
use session_core::SessionError;

/// The loaded session of a request: an extractor.
///
/// It dereferences to [`session_core::Session`], which has all methods.
#[derive(Clone, Debug)]
pub struct Session(session_core::Session);

impl Deref for Session {
    type Target = session_core::Session;

    fn deref(&self) -> &session_core::Session {
        &self.0
    }
}

/// A handle to a request's session, which need not be loaded yet: an extractor. The middleware puts it into the
/// request's extensions.
///
/// Use it instead of [`Session`] in a handler that needs the session only in some cases, or only destroys it. It
/// dereferences to [`session_core::SessionHandle`], which has further methods.
#[derive(Clone, Debug)]
pub struct SessionHandle(pub(crate) session_core::SessionHandle);

impl SessionHandle {
    /// Returns the handle of a request: an `HttpRequest` or a `ServiceRequest`.
    ///
    /// # Errors
    ///
    /// [`SessionError::MissingLayer`] if the request has not passed through a
    /// [`SessionMiddleware`](crate::SessionMiddleware).
    pub fn of(request: &impl HttpMessage) -> Result<Self, SessionRejection> {
        let add = "`.wrap(SessionMiddleware::new(config))`";
        request.extensions().get().cloned().ok_or(SessionRejection(SessionError::MissingLayer { add }))
    }

    /// Returns the handle of the request's session whose cookie has this name. Use it where middleware with different
    /// cookie names is nested, because the extractors return the session of the innermost one.
    ///
    /// # Errors
    ///
    /// [`SessionError::UnknownCookieName`] if the request has not passed through a middleware with this cookie name.
    pub fn named(&self, cookie_name: &str) -> Result<Self, SessionRejection> {
        Ok(Self(self.0.named(cookie_name)?.clone()))
    }

    /// Loads the session; see [`session_core::SessionHandle::load`].
    ///
    /// # Errors
    ///
    /// [`SessionError::Store`] if the store can't answer, or if the stored session is unreadable and
    /// [`OnCorrupt::Fail`](session_core::OnCorrupt::Fail) is configured. [`SessionError::LayersDiffer`] if two
    /// middlewares of one cookie name have different configurations. [`SessionError::NoRandomNumbers`] if a session of
    /// another format has to be taken over and there are no random numbers for its id.
    pub async fn load(&self) -> Result<Session, SessionError> {
        self.0.load().await.map(Session)
    }
}

/// The id of the signed-in user, such as `CurrentUser<u64>`; see [`session_core::Session::sign_in`].
///
/// It is an extractor. If no user is signed in, it rejects the request with 401, and `Option<CurrentUser>` is `None`.
/// `Option<CurrentUser>` is also `None` if the session can't be loaded.
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
/// It converts into a response, which the middleware's [`on_error`](crate::SessionMiddleware::on_error) replaces. A
/// handler that returns a [`SessionError`] does not compile, because the core knows no actix-web.
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
