//! The adapter, on plain tower services and, with feature `axum`, in axum.

mod hyper_server;
mod nested;
mod one_name;
mod scenarios;
mod service;
mod support;

#[cfg(feature = "axum")]
mod extractor;
#[cfg(all(feature = "axum", feature = "metrics"))]
mod metrics;
#[cfg(feature = "axum")]
mod tonic_server;
mod websocket;
