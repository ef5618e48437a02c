//! Each program as its readers run it: a process, and clients that play the requests of its guide.

mod client;
mod grpc;
mod live;
mod pages;
mod texts;
