//! The session as handlers get it.

use std::ops::Deref;

use http::{Extensions, Request, Response};
use session_core::SessionError;
use session_core::adapter::report_missing_layer;

use crate::{OnError, PlainText};

/// The session of a request, loaded.
///
/// All that can be done with it is described at [`session_core::Session`], which this dereferences to. With feature
/// `axum`, it is an extractor.
#[derive(Clone, Debug)]
pub struct Session(session_core::Session);

impl Deref for Session {
    type Target = session_core::Session;

    fn deref(&self) -> &session_core::Session {
        &self.0
    }
}

/// A handle to the session of a request, which may not be loaded yet. The layer puts it into the request's extensions; with
/// feature `axum`, it is an extractor.
///
/// Take this instead of [`Session`] where the session is needed in some cases only, or is to be destroyed. What else can
/// be done with it is described at [`session_core::SessionHandle`], which this dereferences to.
#[derive(Clone, Debug)]
pub struct SessionHandle(pub(crate) session_core::SessionHandle);

impl SessionHandle {
    /// Returns the handle of a request.
    ///
    /// # Errors
    ///
    /// [`SessionError::MissingLayer`] if no [`SessionLayer`](crate::SessionLayer) has seen the request.
    pub fn of<B>(request: &Request<B>) -> Result<Self, SessionRejection> {
        Self::from_extensions(request.extensions())
    }

    /// Returns the handle in the extensions of a request.
    ///
    /// # Errors
    ///
    /// [`SessionError::MissingLayer`] if no [`SessionLayer`](crate::SessionLayer) has seen the request.
    pub fn from_extensions(extensions: &Extensions) -> Result<Self, SessionRejection> {
        Self::borrowed(extensions).cloned()
    }

    pub(crate) fn borrowed(extensions: &Extensions) -> Result<&Self, SessionRejection> {
        let add = "`.layer(SessionLayer::new(config))`";
        extensions.get().ok_or(SessionRejection(SessionError::MissingLayer { add }))
    }

    /// Returns the handle of another session of the same request, by the name of its cookie: where layers with different
    /// configurations are nested, the request's own handle is that of the innermost one.
    ///
    /// # Errors
    ///
    /// [`SessionError::UnknownCookieName`] if none of the layers that have seen the request has this cookie name.
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
/// With feature `axum`, it is an extractor. Without a user the answer is 401; `Option<CurrentUser>` is `None` then.
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
/// With feature `axum` it is a response, which the layer's [`on_error`](crate::SessionLayer::on_error) replaces.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub struct SessionRejection(#[from] SessionError);

impl SessionRejection {
    /// Returns the error.
    #[must_use]
    pub fn error(&self) -> &SessionError {
        &self.0
    }

    /// Makes a response: a line of text, which the layer's [`on_error`](crate::SessionLayer::on_error) replaces.
    ///
    /// A service that returns the rejection as its error gets the same answer from the layer.
    #[must_use]
    pub fn into_response<B: From<String>>(self) -> Response<B> {
        report_missing_layer(&self.0);
        let mut response = PlainText.error_response(&self.0);
        response.extensions_mut().insert(self.0);
        response
    }
}
