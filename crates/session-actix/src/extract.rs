//! Extractors, and the response of those that fail.

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

/// Loads the session: the handler then uses it without waiting.
impl FromRequest for Session {
    type Error = SessionRejection;
    type Future = Pin<Box<dyn Future<Output = Result<Self, SessionRejection>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let handle = SessionHandle::of(request);
        Box::pin(async move { Ok(handle?.load().await?) })
    }
}

/// Asks for nothing until the handler does.
impl FromRequest for SessionHandle {
    type Error = SessionRejection;
    type Future = Ready<Result<Self, SessionRejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

/// Answers 401 if no user is signed in.
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

/// A line of text; the middleware makes its own of the session error that the response carries along.
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
