//! The routes.

use actix_web::guard;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::web::{self, Bytes, PayloadConfig, QueryConfig, ServiceConfig};
use actix_web::{HttpResponse, Resource, ResponseError, Route};
use demo_common::api::MAX_BODY_BYTES;
use demo_common::page::{self, Facts};

use crate::error::ApiError;
use crate::routes;

/// The page and the JSON routes.
pub fn configure(config: &mut ServiceConfig, facts: Facts) {
    config
        .app_data(PayloadConfig::new(MAX_BODY_BYTES))
        .app_data(QueryConfig::default().error_handler(|error, request| ApiError::query(&error, request).into()))
        .service(resource("/view_session", "GET,HEAD", read().to(routes::view_session)))
        .service(resource("/session", "GET,HEAD", read().to(routes::session)))
        .service(resource("/setup_session", "GET,HEAD", read().to(routes::setup_session)))
        .service(resource("/update_session", "POST", web::post().to(routes::update_session)))
        .service(
            resource("/clear_session", "GET,HEAD,POST", read().to(routes::clear_session))
                .route(web::post().to(routes::clear_session)),
        )
        .service(resource("/login", "POST", web::post().to(routes::login)))
        .service(resource("/logout", "POST", web::post().to(routes::logout)))
        .service(resource("/renew", "POST", web::post().to(routes::renew)))
        .service(resource("/sessions", "GET,HEAD", read().to(routes::list_sessions)))
        .service(resource("/sessions/revoke", "POST", web::post().to(routes::revoke)))
        .service(resource("/sessions/revoke_others", "POST", web::post().to(routes::revoke_others)))
        .service(resource("/sessions/revoke_all", "POST", web::post().to(routes::revoke_all)))
        .service(resource("/increment", "POST", web::post().to(routes::increment)))
        .service(resource("/slow_update", "POST", web::post().to(routes::slow_update)))
        .service(resource("/untouched", "GET,HEAD", read().to(routes::untouched)))
        .default_service(web::to(async || {
            ApiError::Request(StatusCode::NOT_FOUND, "no such route".to_owned()).error_response()
        }));
    for file in page::files(facts) {
        config.service(resource(file.path, "GET,HEAD", read().to(answer_with(file))));
    }
}

/// Makes a resource that responds to other methods with 405 and the allowed ones.
fn resource(path: &str, allowed: &'static str, route: Route) -> Resource {
    web::resource(path).route(route).default_service(web::to(move || async move {
        let message = "this route has other methods".to_owned();
        let mut response = ApiError::Request(StatusCode::METHOD_NOT_ALLOWED, message).error_response();
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
        response
    }))
}

fn read() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

fn answer_with(file: page::File) -> impl Fn() -> std::future::Ready<HttpResponse> + Clone {
    let headers = file.headers();
    let body = Bytes::from(file.text);
    move || {
        let mut response = HttpResponse::Ok();
        headers.iter().for_each(|header| {
            response.insert_header(*header);
        });
        std::future::ready(response.body(body.clone()))
    }
}
