//! The guides and the programs, side by side.

use std::fs;
use std::path::Path;

/// The program in a guide's block with this fence.
fn block<'a>(guide: &'a str, fence: &str) -> &'a str {
    let (_, program) = guide.split_once(&format!("```{fence}\n")).expect("the guide has such a block");
    program.split_once("```").expect("a block ends").0
}

#[test]
fn three_guides_show_the_whole_program() {
    let actix = include_str!("../../../../crates/session-actix/guide/getting_started.md");
    assert_eq!(block(actix, "rust,no_run"), include_str!("../../src/actix.rs"));
    let hyper = include_str!("../../../../crates/session-tower/guide/tower_and_hyper.md");
    assert_eq!(block(hyper, "rust,no_run"), include_str!("../../src/hyper.rs"));
    let tonic = include_str!("../../../../crates/session-tower/guide/tonic.md");
    assert_eq!(block(tonic, "rust,no_run"), include_str!("../../src/tonic.rs"));
}

#[test]
fn the_guide_on_metrics_shows_a_part_of_its_program() {
    let lines = |text: &'static str| text.lines().map(str::trim).collect::<Vec<_>>();
    let shown = lines(block(include_str!("../../../../crates/session-core/guide/metrics.md"), "text"));
    let program = lines(include_str!("../../src/metrics.rs"));
    assert!(program.windows(shown.len()).any(|part| part == shown), "{shown:?}");
}

#[test]
fn each_program_is_short_and_named_in_a_guide() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let guides =
        ["session-core", "session-tower", "session-actix"].map(|name| root.join("crates").join(name).join("guide"));
    let pages = guides.iter().flat_map(|guide| fs::read_dir(guide).unwrap());
    let text: String = pages.map(|page| fs::read_to_string(page.unwrap().path()).unwrap()).collect();
    for program in fs::read_dir(root.join("examples/guides/src")).unwrap() {
        let path = program.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 80, "{name} has {lines} lines");
        assert!(name == "lib" || text.contains(&format!("examples/guides/src/{name}.rs")), "no guide names {name}");
    }
}
