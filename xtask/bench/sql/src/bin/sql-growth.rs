//! Fills a table, and prints as JSON how the times of calls change: `sql-growth URL JSON`. All sessions have the values of
//! the JSON text.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use session_bench_sql::ours::{Pool, TTL, builder};
use session_bench_sql::{Place, VISITS, percentiles};
use session_core::{AtomicBackend, Replace, SessionMap, UserIndex, WriteOutcome};
use session_sql::SqlBackend;
use tokio::task::JoinSet;

/// The numbers of rows, each with those before it.
const ROWS: [u32; 2] = [10_000, 1_000_000];

/// The calls of each kind that are measured.
const CALLS: u32 = 1000;

/// The rows that the clean-up deletes under load.
const EXPIRED: u32 = 200_000;

/// The clients that write while it does, and the pause of each after a write.
const WRITERS: u32 = 8;
const PAUSE: Duration = Duration::from_millis(5);

/// The time for which they write without the clean-up.
const ALONE: Duration = Duration::from_secs(5);

/// The sessions of each user.
const OF_A_USER: u32 = 5;

/// The expiry of sessions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expires {
    Ago,
    Later,
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (url, json) = arguments.next().zip(arguments.next()).context("the arguments are a URL and a JSON text")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(&Place { url, is_flushed: false }, &json))
}

async fn measure(place: &Place, json: &str) -> Result<()> {
    let pool = Pool::connect(place).await?;
    let backend = builder().connect(&place.url)?;
    backend.create_table().await?;
    let (mut by_rows, mut filled) = (BTreeMap::new(), 0);
    for rows in ROWS {
        fill(&pool, json, filled..rows, Expires::Later).await?;
        filled = rows;
        // A table in use is in the cache.
        calls(&backend, rows).await?;
        by_rows.insert(rows, calls(&backend, rows).await?);
    }

    let alone = write_until(&backend, async || tokio::time::sleep(ALONE).await).await?;
    fill(&pool, json, filled..filled + EXPIRED, Expires::Ago).await?;
    let start = Instant::now();
    let cleaning = builder().clean_up_every(Duration::from_secs(1)).connect(&place.url)?;
    // Any call starts the task.
    cleaning.check().await?;
    let first = key(filled);
    let is_clean = async || {
        while pool.has_row_from(&first).await.unwrap_or(true) {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let beside = write_until(&backend, is_clean).await?;
    let clean_up =
        json!({ "rows": EXPIRED, "seconds": start.elapsed().as_secs_f64(), "alone": alone, "beside": beside });
    println!("{}", json!({ "by_rows": by_rows, "clean_up": clean_up }));
    Ok(())
}

/// Returns the microseconds of reads, writes and lists at the median and the 99th percentile.
async fn calls(backend: &SqlBackend, rows: u32) -> Result<BTreeMap<&'static str, [f64; 2]>> {
    let mut measured = BTreeMap::<_, Vec<Duration>>::new();
    for call in 0..CALLS {
        // Far from the row of the last call.
        let row = call.wrapping_mul(2_654_435_761) % rows;
        let key = key(row);
        let start = Instant::now();
        let stored = backend.fetch(&key).await?.context("the session is there")?;
        measured.entry("read").or_default().push(start.elapsed());
        let start = Instant::now();
        let outcome = backend.replace(Replace::new(&key, &changed(stored.session)?, TTL, &stored.version)).await?;
        measured.entry("write").or_default().push(start.elapsed());
        ensure!(matches!(outcome, WriteOutcome::Done(_)), "{outcome:?}");
        let start = Instant::now();
        let sessions = backend.sessions(&user(row)).await?;
        measured.entry("list").or_default().push(start.elapsed());
        ensure!(sessions.len() == OF_A_USER as usize, "{} sessions", sessions.len());
    }
    Ok(measured.into_iter().map(|(work, taken)| (work, percentiles(taken))).collect())
}

/// Lets clients write until something has ended, and returns the microseconds of a write at the median and the 99th
/// percentile.
async fn write_until(backend: &SqlBackend, end: impl AsyncFnOnce()) -> Result<[f64; 2]> {
    let is_over = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for row in 0..WRITERS {
        writers.spawn(write(backend.clone(), key(row), is_over.clone()));
    }
    end().await;
    is_over.store(true, Ordering::Relaxed);
    let taken = writers.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(percentiles(taken.concat()))
}

async fn write(backend: SqlBackend, key: String, is_over: Arc<AtomicBool>) -> Result<Vec<Duration>> {
    let stored = backend.fetch(&key).await?.context("the session is there")?;
    let (mut session, mut version, mut taken) = (stored.session, stored.version, Vec::new());
    while !is_over.load(Ordering::Relaxed) {
        session = changed(session)?;
        let start = Instant::now();
        match backend.replace(Replace::new(&key, &session, TTL, &version)).await? {
            WriteOutcome::Done(written) => version = written,
            other => bail!("{other:?}"),
        }
        taken.push(start.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    Ok(taken)
}

fn changed(mut session: SessionMap) -> Result<SessionMap> {
    let visits = session.get::<u32>(VISITS)?.unwrap_or_default();
    session.insert(VISITS, visits + 1)?;
    Ok(session)
}

fn key(row: u32) -> String {
    format!("session:{row:022}")
}

fn user(row: u32) -> String {
    format!("session:user:{}", row / OF_A_USER)
}

/// Inserts sessions by a single statement.
async fn fill(pool: &Pool, json: &str, rows: Range<u32>, expires: Expires) -> Result<()> {
    let Range { start, end } = rows;
    let insert = "INSERT INTO http_sessions (session_key, value, user_id, expires_at, due_hour)";
    match pool {
        Pool::Sqlite(_) => {
            let offset = if expires == Expires::Ago { "-3 hours" } else { "+3 hours" };
            pool.run(&format!(
                "WITH RECURSIVE rows(n) AS (SELECT {start} UNION ALL SELECT n + 1 FROM rows WHERE n + 1 < {end}) {insert} \
                 SELECT printf('session:%022d', n), '{json}', 'session:user:' || (n / {OF_A_USER}), \
                 1000 * strftime('%s', 'now', '{offset}'), strftime('%s', 'now', '{offset}') / 3600 FROM rows"
            ))
            .await
        }
        Pool::Postgres(_) => {
            let offset = if expires == Expires::Ago { "- interval '3 hours'" } else { "+ interval '3 hours'" };
            pool.run(&format!(
                "{insert} SELECT 'session:' || lpad(n::text, 22, '0'), '{json}', 'session:user:' || (n / {OF_A_USER}), \
                 now() {offset}, floor(date_part('epoch', now() {offset}) / 3600)::integer \
                 FROM generate_series({start}, {end} - 1) AS n"
            ))
            .await?;
            pool.run("VACUUM ANALYZE http_sessions").await
        }
    }
}
