//! Layers within layers: several sessions of one request.

use http::header::{SET_COOKIE, VARY};
use http::{Request, Response, StatusCode};
use session_test_support::Log;
use session_testkit::{Fault, Operation};
use session_tower::{SessionConfig, SessionHandle, SessionLayer, SessionRejection};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{NOTHING, SECRET, Store, request, store};

type Answer = Result<Response<String>, SessionRejection>;

/// The path names sessions, each of which gets a key `by`. The innermost one has no name.
async fn sign(request: Request<String>) -> Answer {
    let innermost = SessionHandle::of(&request)?;
    for name in request.uri().path().trim_matches('/').split('/') {
        let handle = if name == "innermost" { innermost.clone() } else { innermost.named(name)? };
        handle.load().await?.insert("by", name)?;
    }
    Ok(Response::default())
}

fn layer(cookie_name: &str, store: &Store) -> SessionLayer {
    SessionLayer::new(SessionConfig::builder(SECRET, cookie_name).backend(store.clone()).build().expect("valid"))
}

/// `user` around `admin`.
fn app(
    user: &Store,
    admin: &Store,
) -> impl Service<Request<String>, Response = Response<String>, Error = SessionRejection> {
    layer("user", user).layer(layer("admin", admin).layer(service_fn(sign)))
}

/// The names of the cookies that a response sets, in order.
fn cookie_names(response: &Response<String>) -> Vec<&str> {
    let values = response.headers().get_all(SET_COOKIE).iter();
    values.filter_map(|value| value.to_str().expect("visible ASCII").split('=').next()).collect()
}

#[tokio::test]
async fn each_session_of_a_request_is_found_by_its_cookie_name() {
    let (user, admin) = (store(), store());
    let send = |path| app(&user, &admin).oneshot(request(path, None));
    assert_eq!(cookie_names(&send("/user").await.unwrap()), ["user"]);
    assert_eq!((user.probe().calls(), admin.probe().calls()), (vec![Operation::Set], vec![]));
    assert_eq!(cookie_names(&send("/admin").await.unwrap()), ["admin"]);
    assert_eq!(cookie_names(&send("/innermost").await.unwrap()), ["admin"]);
    assert_eq!((user.probe().calls(), admin.probe().calls()), (vec![], vec![Operation::Set, Operation::Set]));
    let both = send("/user/admin").await.unwrap();
    assert_eq!(cookie_names(&both), ["admin", "user"]);
    assert_eq!(both.headers().get_all(VARY).iter().count(), 1);
}

#[tokio::test]
async fn a_name_that_no_layer_has_is_a_500_and_a_line_that_says_what_to_add() {
    let (user, admin) = (store(), store());
    let app = app(&user, &admin);
    let log = Log::capture("session_core");
    let response = app.oneshot(request("/guest", None)).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.body(), "internal server error\n");
    let lines = log.take_problems();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains(r#"no session of cookie "guest" for this route: add a layer"#), "{lines:?}");
}

/// The inner session is stored by then: without its cookie it would be lost to the client.
#[tokio::test]
async fn an_outer_session_that_fails_does_not_cost_the_inner_one_its_cookie() {
    let (user, admin) = (store(), store());
    user.probe().fail(Operation::All, Fault::Down);
    let response = app(&user, &admin).oneshot(request("/user/admin", None)).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(cookie_names(&response), ["admin"]);
    assert_eq!(response.headers()["cache-control"], "no-store");

    let around_both = layer("guest", &user).layer(app(&user, &admin));
    let response = around_both.oneshot(request("/guest/user/admin", None)).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(cookie_names(&response), ["admin"], "no layer adds it a second time");
}

#[tokio::test]
async fn an_inner_session_that_fails_keeps_changes_of_the_outer_one_from_being_committed() {
    let (user, admin) = (store(), store());
    admin.probe().fail(Operation::All, Fault::Down);
    let response = app(&user, &admin).oneshot(request("/user/admin", None)).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(cookie_names(&response), NOTHING);
    assert!(user.probe().calls().is_empty());
}
