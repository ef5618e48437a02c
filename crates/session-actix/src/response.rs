//! The headers that a session adds to a response, and the responses that report its errors.

use std::cell::Cell;
use std::rc::Rc;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{CACHE_CONTROL, CDN_CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, SET_COOKIE, VARY};
use actix_web::{Error, HttpRequest, HttpResponse};
use session_core::adapter::{
    Commit, HeaderValues, ReplacedHeader, ResponseHeader, ResponseHeaders, SetCookie, forbid_caching,
};
use session_core::{SessionError, SessionHandle};

use crate::{OnError, SessionRejection};

/// The outcome of the inner service. The application's response stands in place of one that a session error has made.
pub(crate) enum Outcome<B> {
    Response {
        request: HttpRequest,
        response: HttpResponse<EitherBody<B>>,
    },
    /// An error, and the response that it has made: some make it once only.
    Error {
        error: Error,
        response: HttpResponse,
    },
}

impl<B: MessageBody> Outcome<B> {
    pub(crate) fn of(
        answer: Result<ServiceResponse<B>, Error>,
        handle: &SessionHandle,
        on_error: &impl OnError,
    ) -> Self {
        match answer {
            Ok(answer) => {
                let (request, response) = answer.into_parts();
                log_error(&response, handle);
                Self::Response { request, response: report(response, on_error) }
            }
            Err(error) => {
                let response = error.error_response();
                log_error(&response, handle);
                Self::Error { response: report_boxed(response, on_error), error }
            }
        }
    }

    /// The status to commit the session with.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Response { response, .. } => response.status().as_u16(),
            Self::Error { response, .. } => response.status().as_u16(),
        }
    }

    /// Adds what the commit has to tell the client.
    pub(crate) fn finish<E: OnError + 'static>(
        self,
        commit: Commit,
        on_error: &Rc<E>,
    ) -> Result<ServiceResponse<EitherBody<B>>, Error> {
        match self {
            Self::Response { request, mut response } => {
                if let Some(error) = &commit.error {
                    let failed = HttpResponse::from_error(SessionRejection::from(error.clone()));
                    let mut failed = report_boxed(failed, &**on_error);
                    keep_headers(response.headers(), &mut failed);
                    response = failed.map_into_right_body();
                }
                commit.apply(&mut Headers(response.headers_mut()));
                Ok(ServiceResponse::new(request, response))
            }
            Self::Error { mut error, mut response } => {
                let mut replaced = None;
                if let Some(failed) = &commit.error {
                    error = SessionRejection::from(failed.clone()).into();
                    replaced = Some(std::mem::replace(response.headers_mut(), HeaderMap::new()));
                    response = error.error_response();
                }
                let on_error = on_error.clone();
                let completed = move |response: HttpResponse| {
                    let mut response = report_boxed(response, &*on_error);
                    replaced.iter().for_each(|headers| keep_headers(headers, &mut response));
                    commit.clone().apply(&mut Headers(response.headers_mut()));
                    response
                };
                // Outer middleware may want the error as it is, and adds to its response in the same way.
                let made = Cell::new(Some(completed(response)));
                error.add_response_mapper(move |made_again| made.take().unwrap_or_else(|| completed(made_again)));
                Err(error)
            }
        }
    }
}

/// Logs the session error that a handler has made the response of.
fn log_error<B>(response: &HttpResponse<B>, handle: &SessionHandle) {
    if let Some(error) = response.extensions().get::<SessionError>() {
        handle.report_error(error);
    }
}

/// Puts the application's error response in place of one that an extractor or a handler has made of a session's error.
/// The error that made it stays with the response.
fn report<B>(mut response: HttpResponse<B>, on_error: &impl OnError) -> HttpResponse<EitherBody<B>> {
    // Not in the condition: the extensions would stay borrowed.
    let error = response.extensions_mut().remove::<SessionError>();
    let Some(error) = error else { return response.map_into_left_body() };
    let (mut head, body) = on_error.error_response(&error).into_parts();
    std::mem::swap(response.head_mut(), head.head_mut());
    keep_headers(head.headers(), &mut response);
    response.set_body(EitherBody::right(body))
}

fn report_boxed(response: HttpResponse, on_error: &impl OnError) -> HttpResponse {
    report(response, on_error).map_body(|_, body| match body {
        EitherBody::Left { body } | EitherBody::Right { body } => body,
    })
}

/// Takes over the headers of a response that was replaced, unless they describe that one.
fn keep_headers<B>(replaced: &HeaderMap, response: &mut HttpResponse<B>) {
    let headers = response.headers_mut();
    let own: Vec<HeaderName> = headers.keys().cloned().collect();
    for (name, value) in replaced {
        match ReplacedHeader::of(name.as_str()) {
            ReplacedHeader::Dropped => continue,
            ReplacedHeader::KeptIfAbsent if own.contains(name) => continue,
            _ => headers.append(name.clone(), value.clone()),
        }
    }
    forbid_caching(&mut Headers(headers));
}

/// The headers of a response, as the core adds to them.
struct Headers<'a>(&'a mut HeaderMap);

impl ResponseHeaders for Headers<'_> {
    fn set(&mut self, header: ResponseHeader, choose: impl FnOnce(HeaderValues<'_, '_>) -> Option<&'static str>) {
        let name = name(header);
        if let Some(value) = choose(&mut self.0.get_all(&name).map(HeaderValue::as_bytes)) {
            self.0.insert(name, HeaderValue::from_static(value));
        }
    }

    fn append(&mut self, header: ResponseHeader, choose: impl FnOnce(HeaderValues<'_, '_>) -> Option<&'static str>) {
        let name = name(header);
        if let Some(value) = choose(&mut self.0.get_all(&name).map(HeaderValue::as_bytes)) {
            self.0.append(name, HeaderValue::from_static(value));
        }
    }

    fn append_cookie(&mut self, cookie: SetCookie) {
        // A checked configuration makes visible ASCII only.
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
