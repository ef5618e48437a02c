//! Runs one subject: `subject axum/memory/read measure 1000`, or `... serve`.

fn main() -> anyhow::Result<()> {
    let (name, mode) = session_bench::mode::arguments()?;
    session_bench::subjects::run(&name, mode)
}
