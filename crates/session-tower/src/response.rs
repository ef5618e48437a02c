//! The headers that a session adds to a response, and the responses that report its errors.

use http::header::{CACHE_CONTROL, CDN_CACHE_CONTROL, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use session_core::adapter::{Commit, ResponseHeader, ResponseHeaders, SetCookie, forbid_caching, kept_headers};
use session_core::{SessionError, SessionHandle, adapter};

use crate::OnError;
use crate::cause::cause;

/// Adds a session's headers to the responses of tower services. `E` makes the responses that report errors.
#[derive(Clone, Debug)]
pub struct Responder<E>(pub(crate) E);

impl<B, Error: 'static, E: OnError<B>> adapter::Responder<Result<Response<B>, Error>> for Responder<E> {
    type Response = Result<Response<B>, Error>;
    type Output = Result<Response<B>, Error>;

    #[inline]
    fn receive(&self, answer: Self::Response) -> Self::Response {
        answer
    }

    #[inline]
    fn take_error(&self, answer: &mut Self::Response, handle: &SessionHandle) -> Option<SessionError> {
        match answer {
            Ok(response) => response.extensions_mut().remove(),
            Err(error) => cause(error).or_else(|| handle.load_error()),
        }
    }

    fn status(&self, answer: &Self::Response) -> u16 {
        answer.as_ref().map_or(500, |response| response.status().as_u16())
    }

    #[cold]
    fn replace(&self, answer: &mut Self::Response, error: &SessionError) {
        let mut response = self.0.error_response(error);
        let headers = response.headers_mut();
        if let Ok(replaced) = &answer {
            for (name, value) in kept_headers(replaced.headers(), headers.keys().cloned()) {
                headers.append(name, value.clone());
            }
        }
        forbid_caching(&mut Headers(headers));
        *answer = Ok(response);
    }

    #[inline]
    fn finish(&self, mut answer: Self::Response, commit: Commit) -> Self::Output {
        if let Ok(response) = &mut answer {
            commit.apply(&mut Headers(response.headers_mut()));
        }
        answer
    }
}

/// The headers of a response, to which the core adds.
struct Headers<'a>(&'a mut HeaderMap);

impl ResponseHeaders for Headers<'_> {
    #[inline]
    fn values(&self, header: ResponseHeader) -> impl Iterator<Item = &[u8]> {
        self.0.get_all(name(header)).iter().map(HeaderValue::as_bytes)
    }

    fn set(&mut self, header: ResponseHeader, value: &'static str) {
        self.0.insert(name(header), HeaderValue::from_static(value));
    }

    #[inline]
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

#[inline]
fn name(header: ResponseHeader) -> HeaderName {
    match header {
        ResponseHeader::CacheControl => CACHE_CONTROL,
        ResponseHeader::CdnCacheControl => CDN_CACHE_CONTROL,
        ResponseHeader::Vary => VARY,
    }
}
