//! The adapter, in process and over real sockets.

mod errors;
mod extractor;
mod nested;
mod one_name;
mod scenarios;
mod server;
mod service;
mod sockets;
mod support;
mod websocket;
