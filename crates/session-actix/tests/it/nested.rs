//! Middleware within middleware: several sessions of one request.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, SET_COOKIE, VARY};
use actix_web::middleware::{Next, from_fn};
use actix_web::test::init_service;
use actix_web::{App, Error, HttpRequest, HttpResponse, error, web};
use session_actix::{SessionConfig, SessionHandle, SessionMiddleware, SessionRejection};
use session_testkit::{Fault, Operation};

use crate::support::{NOTHING, SECRET, Store, send, store, text, values};

/// The path names sessions, each of which gets a key `by`. The innermost one has no name.
async fn sign(innermost: &SessionHandle, path: &str) -> Result<(), SessionRejection> {
    for name in path.trim_matches('/').split('/') {
        let handle = if name == "innermost" { innermost.clone() } else { innermost.named(name)? };
        handle.load().await?.insert("by", name)?;
    }
    Ok(())
}

async fn handler(request: HttpRequest, innermost: SessionHandle) -> Result<HttpResponse, SessionRejection> {
    sign(&innermost, request.path()).await?;
    Ok(HttpResponse::Ok().finish())
}

async fn refusing_middleware<B: MessageBody>(request: ServiceRequest, _: Next<B>) -> Result<ServiceResponse<B>, Error> {
    sign(&SessionHandle::of(&request)?, request.path()).await?;
    Err(error::ErrorForbidden("refused"))
}

fn sessions(cookie_name: &str, store: &Store) -> SessionMiddleware {
    let config = SessionConfig::builder(SECRET, cookie_name).backend(store.clone()).build();
    SessionMiddleware::new(config.expect("valid"))
}

/// The names of the cookies that a response sets, in order.
fn cookie_names(response: &HttpResponse) -> Vec<&str> {
    values(response, SET_COOKIE).into_iter().filter_map(|value| value.split('=').next()).collect()
}

#[actix_web::test]
async fn each_session_of_a_request_is_found_by_its_cookie_name() {
    let (user, admin) = (store(), store());
    let scope = web::scope("").wrap(sessions("admin", &admin)).default_service(web::to(handler));
    let app = init_service(App::new().service(scope).wrap(sessions("user", &user))).await;
    assert_eq!(cookie_names(&send(&app, "/user", None).await), ["user"]);
    assert_eq!((user.probe().calls(), admin.probe().calls()), (vec![Operation::Set], vec![]));
    assert_eq!(cookie_names(&send(&app, "/admin", None).await), ["admin"]);
    assert_eq!(cookie_names(&send(&app, "/innermost", None).await), ["admin"]);
    assert_eq!((user.probe().calls(), admin.probe().calls()), (vec![], vec![Operation::Set, Operation::Set]));
    let both = send(&app, "/user/admin", None).await;
    assert_eq!(cookie_names(&both), ["admin", "user"]);
    assert_eq!(values(&both, VARY), ["Cookie"]);
}

#[actix_web::test]
async fn sessions_of_an_application_a_scope_and_a_resource_are_those_of_one_request() {
    let stores = [store(), store(), store()];
    let cart = web::resource("/{names:.*}").wrap(sessions("cart", &stores[2])).to(handler);
    let admin = web::scope("").wrap(sessions("admin", &stores[1])).service(cart);
    let app = init_service(App::new().service(admin).wrap(sessions("user", &stores[0]))).await;
    assert_eq!(cookie_names(&send(&app, "/innermost", None).await), ["cart"]);
    let all = send(&app, "/user/admin/cart", None).await;
    assert_eq!(cookie_names(&all), ["cart", "admin", "user"]);
    assert_eq!(
        stores.each_ref().map(|store| store.probe().calls()),
        [vec![Operation::Set], vec![Operation::Set], vec![Operation::Set, Operation::Set]]
    );

    // Each is read by its own cookie.
    let cookies: Vec<_> = values(&all, SET_COOKIE).iter().filter_map(|value| value.split(';').next()).collect();
    assert_eq!(cookie_names(&send(&app, "/user/admin/cart", Some(&cookies.join("; "))).await), NOTHING);
    assert_eq!(
        stores.each_ref().map(|store| store.probe().calls()),
        [[Operation::Get], [Operation::Get], [Operation::Get]]
    );
}

#[actix_web::test]
async fn a_name_that_no_middleware_has_is_a_500_that_tells_clients_nothing() {
    let app = App::new().default_service(web::to(handler)).wrap(sessions("user", &store()));
    let response = send(&init_service(app).await, "/guest", None).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(text(response).await, "internal server error\n");
}

/// The inner session is stored by then: without its cookie it would be lost to the client.
#[actix_web::test]
async fn an_outer_session_that_fails_does_not_cost_the_inner_one_its_cookie() {
    let (user, admin) = (store(), store());
    user.probe().fail(Operation::All, Fault::Down);
    let responding = App::new().default_service(web::to(handler));
    let responding = responding.wrap(sessions("admin", &admin)).wrap(sessions("user", &user));
    let refusing = App::new().wrap(from_fn(refusing_middleware));
    let refusing = refusing.wrap(sessions("admin", &admin)).wrap(sessions("user", &user));
    for response in [
        send(&init_service(responding.wrap(sessions("guest", &user))).await, "/guest/user/admin", None).await,
        send(&init_service(refusing.wrap(sessions("guest", &user))).await, "/guest/user/admin", None).await,
    ] {
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(cookie_names(&response), ["admin"]);
        assert_eq!(values(&response, CACHE_CONTROL), ["no-store"]);
    }
}

#[actix_web::test]
async fn an_inner_session_that_fails_keeps_changes_of_the_outer_one_from_being_committed() {
    let (user, admin) = (store(), store());
    admin.probe().fail(Operation::All, Fault::Down);
    let app = App::new().default_service(web::to(handler)).wrap(sessions("admin", &admin));
    let app = init_service(app.wrap(sessions("user", &user))).await;
    let response = send(&app, "/user/admin", None).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(cookie_names(&response), NOTHING);
    assert!(user.probe().calls().is_empty());
}
