//! The counters of an application in axum.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use session_testkit::{Fault, Operation};
use session_tower::{Session, SessionLayer, SessionRejection};
use tower::ServiceExt;

use crate::support::{config, store};

async fn visit(session: Session) -> Result<String, SessionRejection> {
    let visits = session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1)?;
    Ok(visits.to_string())
}

#[tokio::test]
async fn the_requests_of_an_application_are_counted() {
    let recorder: &'static DebuggingRecorder = Box::leak(Box::default());
    let _local = metrics::set_default_local_recorder(recorder);
    let store = store();
    let layer = SessionLayer::new(config().backend(store.clone()).build().unwrap());
    let app = Router::new().route("/", get(visit)).route("/static", get(|| async { "untouched" })).layer(layer);
    let answer = async |path: &str| app.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();

    answer("/").await;
    answer("/static").await;
    store.probe().fail(Operation::Set, Fault::Down);
    assert_eq!(answer("/").await.status(), 503);

    let mut counts = BTreeMap::new();
    for (key, _, _, value) in recorder.snapshotter().snapshot().into_vec() {
        let labels: Vec<_> = key.key().labels().skip(1).map(metrics::Label::value).collect();
        if let DebugValue::Counter(count) = value {
            counts.insert(format!("{} {}", key.key().name(), labels.join(" ")), count);
        }
    }
    let expected = [
        ("session_commits_total custom done", 1),
        ("session_commits_total custom unavailable", 1),
        ("session_events_total custom created", 1),
        ("session_loads_total custom no cookie", 2),
        ("session_store_calls_total custom create done", 1),
        ("session_store_calls_total custom create unavailable", 1),
    ];
    assert_eq!(counts, expected.into_iter().map(|(key, count)| (key.to_owned(), count)).collect());
}
