//! Serves `bare`, the bare statements; `url`, sessions by a URL; and `pool`, sessions on a pool of the application.

use anyhow::{Result, bail};
use session_bench_sql::ours::{Bare, Sessions};
use session_bench_sql::serve;

fn main() -> Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("bare") => serve(async |place| Bare::open(&place).await),
        Some("url") => serve(async |place| Sessions::by_url(&place).await),
        Some("pool") => serve(async |place| Sessions::on_pool(&place).await),
        name => bail!("no subject is called {name:?}"),
    }
}
