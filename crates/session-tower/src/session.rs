//! The types that handlers use.

use std::ops::Deref;

use http::{Extensions, Request, Response};
use session_core::SessionError;
use session_core::adapter::report_missing_layer;

use crate::{OnError, PlainText};

/// The loaded session of a request.
///
/// It dereferences to [`session_core::Session`], which has all methods. With feature `axum`, it is an extractor.
#[derive(Clone, Debug)]
pub struct Session(session_core::Session);

impl Deref for Session {
    type Target = session_core::Session;

    fn deref(&self) -> &session_core::Session {
        &self.0
    }
}

/// A handle to a request's session, which need not be loaded yet. The layer puts it into the request's extensions. With
/// feature `axum`, it is an extractor.
///
/// Use it instead of [`Session`] in a handler that needs the session only in some cases, or only destroys it. It
/// dereferences to [`session_core::SessionHandle`], which has further methods.
#[derive(Clone, Debug)]
pub struct SessionHandle(pub(crate) session_core::SessionHandle);

impl SessionHandle {
    /// Returns the handle of a request.
    ///
    /// # Errors
    ///
    /// [`SessionError::MissingLayer`] if the request has not passed through a [`SessionLayer`](crate::SessionLayer).
    pub fn of<B>(request: &Request<B>) -> Result<Self, SessionRejection> {
        Self::from_extensions(request.extensions())
    }

    /// Returns the handle in the extensions of a request.
    ///
    /// # Errors
    ///
    /// [`SessionError::MissingLayer`] if the request has not passed through a [`SessionLayer`](crate::SessionLayer).
    pub fn from_extensions(extensions: &Extensions) -> Result<Self, SessionRejection> {
        Self::borrowed(extensions).cloned()
    }

    pub(crate) fn borrowed(extensions: &Extensions) -> Result<&Self, SessionRejection> {
        let add = "`.layer(SessionLayer::new(config))`";
        extensions.get().ok_or(SessionRejection(SessionError::MissingLayer { add }))
    }

    /// Returns the handle of the request's session whose cookie has this name. Use it where layers with different
    /// cookie names are nested, because the extractors return the session of the innermost layer.
    ///
    /// # Errors
    ///
    /// [`SessionError::UnknownCookieName`] if the request has not passed through a layer with this cookie name.
    pub fn named(&self, cookie_name: &str) -> Result<Self, SessionRejection> {
        Ok(Self(self.0.named(cookie_name)?.clone()))
    }

    /// Loads the session; see [`session_core::SessionHandle::load`].
    ///
    /// # Errors
    ///
    /// [`SessionError::Store`] if the store can't answer, or if the stored session is unreadable and
    /// [`OnCorrupt::Fail`](session_core::OnCorrupt::Fail) is configured. [`SessionError::LayersDiffer`] if two layers
    /// of one cookie name have different configurations. [`SessionError::NoRandomNumbers`] if a session of another
    /// format has to be taken over and there are no random numbers for its id.
    pub async fn load(&self) -> Result<Session, SessionError> {
        self.0.load().await.map(Session)
    }
}

/// The id of the signed-in user, such as `CurrentUser<u64>`; see [`session_core::Session::sign_in`].
///
/// With feature `axum`, it is an extractor. If no user is signed in, it rejects the request with 401, and
/// `Option<CurrentUser>` is `None`.
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
/// With feature `axum`, it converts into a response, which the layer's [`on_error`](crate::SessionLayer::on_error)
/// replaces. A handler that returns a [`SessionError`] does not compile, because the core knows no axum.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct SessionRejection(#[from] SessionError);

impl SessionRejection {
    /// Returns the error.
    #[must_use]
    pub fn error(&self) -> &SessionError {
        &self.0
    }

    /// Makes a response of one line of text, which the layer's [`on_error`](crate::SessionLayer::on_error) replaces.
    ///
    /// A service may also return the rejection as its error. The layer then makes the response.
    #[must_use]
    pub fn into_response<B: From<String>>(self) -> Response<B> {
        report_missing_layer(&self.0);
        let mut response = PlainText.error_response(&self.0);
        response.extensions_mut().insert(self.0);
        response
    }
}
