//! The tests that a document names as the proof of a rule.

use super::{File, Finding};

const PAGE: &str = "ARCHITECTURE.md";

/// The heading of the table. The next heading ends it.
const HEADING: &str = "## Rules and their tests";

/// The crate of tests that are named without one.
const CRATE: &str = "session-core";

/// Finds tests that the table names and that don't exist.
pub(super) fn missing(files: &[File]) -> Vec<Finding> {
    let Some(page) = files.iter().find(|file| file.path == PAGE) else { return Vec::new() };
    let mut lines = page.lines().skip_while(|(_, line)| *line != HEADING);
    let Some((heading, _)) = lines.next() else {
        return vec![Finding::new(PAGE, None, format!("has no section `{HEADING}`"))];
    };
    let mut rows =
        lines.take_while(|(_, line)| !line.starts_with('#')).filter(|(_, line)| line.contains("::")).peekable();
    if rows.peek().is_none() {
        return vec![Finding::new(PAGE, heading, "names no test")];
    }
    rows.flat_map(|(number, line)| {
        let names = line.split('`').skip(1).step_by(2).filter(|code| code.contains("::"));
        let unknown = names.filter(|name| !exists(files, name));
        unknown.map(move |name| Finding::new(PAGE, number, format!("names the test `{name}`, which does not exist")))
    })
    .collect()
}

/// Looks for a test such as `module::name` or `crate/module::name`.
fn exists(files: &[File], name: &str) -> bool {
    let (package, path) = name.split_once('/').unwrap_or((CRATE, name));
    let Some((module, test)) = path.rsplit_once("::") else { return false };
    let file = format!("crates/{package}/tests/it/{}.rs", module.replace("::", "/"));
    files.iter().filter(|found| found.path == file).any(|found| has_test(&found.text, test))
}

fn has_test(text: &str, name: &str) -> bool {
    let signature = format!("fn {name}() {{");
    let lines: Vec<&str> = text.lines().collect();
    let is_test = |at: usize| {
        lines[..at].iter().rev().take_while(|line| line.starts_with("#[")).any(|line| line.contains("test"))
    };
    lines.iter().enumerate().any(|(at, line)| line.trim_start_matches("async ") == signature && is_test(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::sample;

    fn lines(table: &str) -> Vec<Option<usize>> {
        let page = format!("# Page\n\n{HEADING}\n{table}\n## Next\n`none::of_these`\n");
        let files = [
            sample(PAGE, &page),
            sample("crates/session-core/tests/it/a/b.rs", "#[test]\nfn one() {\n}\n\nfn helper() {\n}\n"),
            sample("crates/session-tower/tests/it/c.rs", "#[tokio::test]\nasync fn two() {\n}\n"),
        ];
        missing(&files).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn tests_that_exist_are_found_in_their_crate() {
        assert_eq!(lines("| a rule of `plan` | `a::b::one`, `session-tower/c::two` |"), []);
    }

    #[test]
    fn names_of_no_test_are_flagged() {
        let table = "| gone | `a::b::three` |\n| helper | `a::b::helper` |\n| elsewhere | `c::two`, `a::one` |";
        assert_eq!(lines(table), [Some(4), Some(5), Some(6), Some(6)]);
    }

    #[test]
    fn a_page_without_the_table_is_flagged() {
        assert_eq!(lines("no test"), [Some(3)]);
        assert_eq!(missing(&[sample(PAGE, "# Page\n")]).len(), 1);
    }
}
