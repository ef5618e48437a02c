//! Metrics for Prometheus, at `/metrics`.

use axum::{Router, routing::get};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use session_tower::{MemoryBackend, Session, SessionConfigBuilder, SessionLayer, SessionRejection};

async fn visit(session: Session) -> Result<String, SessionRejection> {
    let visits = session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1)?;
    Ok(format!("visit {visits}\n"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Before the configuration, which describes its metrics to the recorder.
    let prometheus = PrometheusBuilder::new()
        .set_buckets_for_metric(
            Matcher::Full("session_store_call_seconds".to_owned()),
            &[0.0005, 0.001, 0.005, 0.025, 0.1, 0.25],
        )?
        .install_recorder()?;
    let config = SessionConfigBuilder::development("session").backend(MemoryBackend::new()).build()?;
    let app = Router::new()
        .route("/", get(visit))
        .layer(SessionLayer::new(config))
        .route("/metrics", get(|| async move { prometheus.render() }));
    guides::serve(app).await
}
