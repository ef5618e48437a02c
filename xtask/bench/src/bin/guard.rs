//! Fails if a request costs more than its ceiling. `cargo xtask guard` runs it.

use anyhow::{Result, ensure};
use session_bench::callgrind::{Counter, Counts};
use session_bench::ceilings::{CEILINGS, Verdict};
use session_bench::server::Servers;
use session_bench::subjects::names;

fn main() -> Result<()> {
    let listed: Vec<&str> = CEILINGS.iter().map(|ceiling| ceiling.subject).collect();
    for subject in ["axum", "actix"].into_iter().flat_map(names) {
        ensure!(listed.contains(&&*subject), "`{subject}` has no ceiling");
    }

    let servers = Servers::start()?;
    let counter = Counter::new(servers.environment())?;
    let bare = |adapter: &str| counter.count("subject", &format!("{adapter}/bare"));
    let (axum, actix) = (bare("axum")?, bare("actix")?);

    println!("Counts per request, above the same application without sessions; the ceiling beside each.\n");
    println!("| subject                |    instructions | allocations | SHA-1 blocks | ceiling        |");
    println!("|------------------------|----------------:|------------:|-------------:|----------------|");
    let mut passed = 0;
    let mut lower = Vec::new();
    for ceiling in CEILINGS {
        let bare = if ceiling.subject.starts_with("axum") { axum } else { actix };
        let counts = counter.count("subject", ceiling.subject)?.above(bare);
        let verdict = ceiling.judge(counts);
        let Counts { instructions, allocations, sha1_blocks } = counts;
        println!(
            "| {:22} | {instructions:6.0} / {:6} | {allocations:4.0} / {:4} | {sha1_blocks:5.0} / {:4} | {verdict:14} |",
            ceiling.subject, ceiling.instructions, ceiling.allocations, ceiling.sha1_blocks,
        );
        match verdict {
            Verdict::Kept => {}
            Verdict::Passed => passed += 1,
            Verdict::CanBeLowered => lower.push(format!(
                "    ceiling({:?}, {instructions:.0}, {allocations:.0}, {sha1_blocks:.0}),",
                ceiling.subject
            )),
        }
    }
    if !lower.is_empty() {
        println!("\nCeilings that can be lowered in ceilings.rs:\n{}", lower.join("\n"));
    }
    ensure!(passed == 0, "{passed} of {} ceilings passed, see the table above", CEILINGS.len());
    Ok(())
}
