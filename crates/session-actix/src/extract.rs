//! Extractors, and the response of an extractor that fails.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError};
use session_core::SessionError;
use session_core::adapter::report_missing_layer;

use crate::on_error::status_of;
use crate::{CurrentUser, OnError, PlainText, Session, SessionHandle, SessionRejection};

/// Loads the session, so that the handler can use it without waiting.
impl FromRequest for Session {
    type Error = SessionRejection;
    type Future = Pin<Box<dyn Future<Output = Result<Self, SessionRejection>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let handle = SessionHandle::of(request);
        Box::pin(async move { Ok(handle?.load().await?) })
    }
}

/// Extracts the handle without loading the session. The handler loads the session when it needs it.
impl FromRequest for SessionHandle {
    type Error = SessionRejection;
    type Future = Ready<Result<Self, SessionRejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

/// Rejects the request with 401 if no user is signed in.
impl<T: FromStr> FromRequest for CurrentUser<T> {
    type Error = SessionRejection;
    type Future = Pin<Box<dyn Future<Output = Result<Self, SessionRejection>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let handle = SessionHandle::of(request);
        Box::pin(async move {
            let user = handle?.load().await?.user()?;
            Ok(Self(user.ok_or(SessionError::NotSignedIn)?))
        })
    }
}

/// Makes a line of text. The response carries the session error, for which the middleware makes its own response.
impl ResponseError for SessionRejection {
    fn status_code(&self) -> StatusCode {
        status_of(self.error())
    }

    fn error_response(&self) -> HttpResponse {
        report_missing_layer(self.error());
        let mut response = PlainText.error_response(self.error());
        response.extensions_mut().insert(self.error().clone());
        response
    }
}
