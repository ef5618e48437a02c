//! Runs one subject of another crate: `peer "tower-sessions/memory signed/read" measure 1000`, or `... serve`.

fn main() -> anyhow::Result<()> {
    let (name, mode) = session_bench::mode::arguments()?;
    session_bench_peers::peers::run(&name, mode)
}
