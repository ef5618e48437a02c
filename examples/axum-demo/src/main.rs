//! The server that everything is shown with.

fn main() {}
