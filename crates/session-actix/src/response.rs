//! The headers that a session adds to a response, and the responses that report its errors.

use std::cell::Cell;
use std::rc::Rc;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{CACHE_CONTROL, CDN_CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, SET_COOKIE, VARY};
use actix_web::{Error, HttpRequest, HttpResponse};
use session_core::adapter::{Commit, ResponseHeader, ResponseHeaders, SetCookie, forbid_caching, kept_headers};
use session_core::{SessionError, SessionHandle, adapter};

use crate::{OnError, SessionRejection};

/// Adds a session's headers to the responses of actix-web. `E` makes the responses that report errors.
#[derive(Debug)]
pub struct Responder<E>(pub(crate) Rc<E>);

impl<B, E> adapter::Responder<Result<ServiceResponse<B>, Error>> for Responder<E>
where
    B: MessageBody + 'static,
    E: OnError + 'static,
{
    /// The response, with the request or the error that it belongs to. The response of an error is made at once and
    /// kept, because some errors can make it only once.
    type Response = (HttpResponse<EitherBody<B>>, Result<HttpRequest, Error>);
    type Output = Result<ServiceResponse<EitherBody<B>>, Error>;

    fn receive(&self, answer: Result<ServiceResponse<B>, Error>) -> Self::Response {
        match answer {
            Ok(answer) => {
                let (request, response) = answer.into_parts();
                (response.map_into_left_body(), Ok(request))
            }
            Err(error) => (error.error_response().map_into_right_body(), Err(error)),
        }
    }

    fn take_error(&self, (response, _): &mut Self::Response, _: &SessionHandle) -> Option<SessionError> {
        response.extensions_mut().remove()
    }

    fn status(&self, (response, _): &Self::Response) -> u16 {
        response.status().as_u16()
    }

    #[cold]
    fn replace(&self, (response, _): &mut Self::Response, error: &SessionError) {
        let mut replacement = replacement(&*self.0, error);
        let headers = replacement.headers_mut();
        for (name, value) in kept_headers(response.headers(), headers.keys().cloned().collect::<Vec<_>>()) {
            headers.append(name.clone(), value.clone());
        }
        forbid_caching(&mut Headers(headers));
        *response = replacement.map_into_right_body();
    }

    fn finish(&self, (mut response, origin): Self::Response, commit: Commit) -> Self::Output {
        let failed = commit.error.clone();
        commit.apply(&mut Headers(response.headers_mut()));
        let mut error = match origin {
            Ok(request) => return Ok(ServiceResponse::new(request, response)),
            Err(error) => error,
        };
        if let Some(failed) = failed {
            error = SessionRejection::from(failed).into();
        }
        // Outer middleware may ask the error for its response again, to look at it or to send it.
        let (headers, on_error) = (response.headers().clone(), self.0.clone());
        let made = Cell::new(Some(response.map_into_boxed_body()));
        error.add_response_mapper(move |mut again| {
            made.take().unwrap_or_else(|| {
                let carried = again.extensions_mut().remove();
                let mut response = carried.map_or(again, |error| replacement(&*on_error, &error));
                response.headers_mut().clone_from(&headers);
                response
            })
        });
        Err(error)
    }
}

/// Returns the application's response for an error. The response carries the error, for outer middleware.
fn replacement(on_error: &impl OnError, error: &SessionError) -> HttpResponse {
    let (mut response, body) = on_error.error_response(error).into_parts();
    let mut replacement = HttpResponse::from_error(SessionRejection::from(error.clone())).set_body(body);
    replacement.extensions_mut().clear();
    std::mem::swap(replacement.head_mut(), response.head_mut());
    replacement
}

/// The headers of a response, to which the core adds.
struct Headers<'a>(&'a mut HeaderMap);

impl ResponseHeaders for Headers<'_> {
    fn values(&self, header: ResponseHeader) -> impl Iterator<Item = &[u8]> {
        self.0.get_all(name(header)).map(HeaderValue::as_bytes)
    }

    fn set(&mut self, header: ResponseHeader, value: &'static str) {
        self.0.insert(name(header), HeaderValue::from_static(value));
    }

    fn append(&mut self, header: ResponseHeader, value: &'static str) {
        self.0.append(name(header), HeaderValue::from_static(value));
    }

    fn append_cookie(&mut self, cookie: SetCookie) {
        // Always succeeds, because the cookie consists of visible ASCII and spaces.
        if let Ok(value) = HeaderValue::try_from(cookie.into_bytes()) {
            self.0.append(SET_COOKIE, value);
        }
    }
}

fn name(header: ResponseHeader) -> HeaderName {
    match header {
        ResponseHeader::CacheControl => CACHE_CONTROL,
        ResponseHeader::CdnCacheControl => CDN_CACHE_CONTROL,
        ResponseHeader::Vary => VARY,
    }
}
