//! Extractors for axum.

use std::str::FromStr;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use session_core::SessionError;

use crate::{CurrentUser, Session, SessionHandle, SessionRejection};

/// Loads the session, so that the handler can use it without waiting.
impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, SessionRejection> {
        Ok(SessionHandle::borrowed(&parts.extensions)?.load().await?)
    }
}

/// Extracts the handle without loading the session. The handler loads the session when it needs it.
impl<S: Sync> FromRequestParts<S> for SessionHandle {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, SessionRejection> {
        Self::from_extensions(&parts.extensions)
    }
}

/// Yields `None` on routes without the layer.
impl<S: Sync> OptionalFromRequestParts<S> for SessionHandle {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Self::Rejection> {
        Ok(Self::from_extensions(&parts.extensions).ok())
    }
}

/// Rejects the request with 401 if no user is signed in.
impl<T: FromStr, S: Sync> FromRequestParts<S> for CurrentUser<T> {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, SessionRejection> {
        let user = <Self as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await?;
        Ok(user.ok_or(SessionError::NotSignedIn)?)
    }
}

/// Yields `None` if no user is signed in. Rejects the request if the session can't be loaded.
impl<T: FromStr, S: Sync> OptionalFromRequestParts<S> for CurrentUser<T> {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, SessionRejection> {
        let session = SessionHandle::borrowed(&parts.extensions)?.load().await?;
        Ok(session.user()?.map(Self))
    }
}

/// Makes a line of text. The response carries the session error, for which the layer makes its own response.
impl IntoResponse for SessionRejection {
    fn into_response(self) -> Response {
        Self::into_response(self)
    }
}
