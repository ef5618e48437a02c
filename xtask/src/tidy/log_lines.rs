//! Checks that the troubleshooting table explains each line that the crates log.

use super::{File, Finding};

const TABLE: &str = "crates/session-core/TROUBLESHOOTING.md";

/// The ends of the names of macros that log a line.
const MACROS: &[&str] = &["error!(", "warn!(", "info!(", "debug!(", "trace!(", "log_at!("];

/// Returns the log lines that the table lacks, and the rows of the table that no source logs.
pub(super) fn unexplained(files: &[File]) -> Vec<Finding> {
    let rows = files.iter().find(|file| file.path == TABLE).map(rows).unwrap_or_default();
    let logged: Vec<(&File, usize, String)> = files.iter().filter(|file| is_source(file)).flat_map(messages).collect();
    let missing = logged
        .iter()
        .filter(|(.., message)| !rows.iter().any(|(_, row)| row == message))
        .map(|(file, line, message)| Finding::new(&file.path, *line, format!("`{message}` has no row in {TABLE}")));
    let stale = rows
        .iter()
        .filter(|(_, row)| !logged.iter().any(|(.., message)| message == row))
        .map(|(line, row)| Finding::new(TABLE, *line, format!("no crate logs `{row}`")));
    missing.chain(stale).collect()
}

fn is_source(file: &File) -> bool {
    file.is_module() && file.path.starts_with("crates/") && !file.path.starts_with("crates/session-test-support/")
}

/// Returns the first cells of the table's rows, which are code.
fn rows(table: &File) -> Vec<(usize, String)> {
    let cell = |line: &str| Some(line.strip_prefix("| `")?.split_once("` |")?.0.to_owned());
    table.lines().filter_map(|(number, line)| Some((number, cell(line)?))).collect()
}

/// Returns the messages that a file logs: the last text of each call, with its line.
fn messages(file: &File) -> Vec<(&File, usize, String)> {
    let code = file.text.split("#[cfg(test)]").next().unwrap_or_default();
    let starts = MACROS.iter().flat_map(|name| code.match_indices(name).map(|(start, name)| start + name.len()));
    let mut found: Vec<_> = starts
        .filter_map(|start| {
            let message = last_text(call(&code[start..]))?;
            Some((file, code[..start].matches('\n').count() + 1, message))
        })
        .collect();
    found.sort_by_key(|(_, line, _)| *line);
    found
}

/// Returns the arguments of a call, up to its closing bracket.
fn call(text: &str) -> &str {
    let (mut depth, mut quoted) = (1, false);
    let end = text.bytes().position(|byte| {
        match byte {
            b'"' => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    &text[..end.unwrap_or(text.len())]
}

fn last_text(arguments: &str) -> Option<String> {
    let (before, _) = arguments.rsplit_once('"')?;
    Some(before.rsplit_once('"')?.1.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::sample;

    const SOURCE: &str = "crates/a/src/lib.rs";

    #[test]
    fn a_line_without_a_row_and_a_row_without_a_line_are_flagged() {
        let code = "fn f() {\n    tracing::warn!(target: \"x\", session = id(), \"good line\");\n    log_at!(s, %error,\n        \"bad line\"\n    );\n}\n";
        let table =
            sample(TABLE, "| what | means | do |\n|---|---|---|\n| `good line` | x | y |\n| `old line` | x | y |\n");
        let findings = unexplained(&[sample(SOURCE, code), table]);
        let places: Vec<_> = findings.iter().map(|finding| (finding.place.as_str(), finding.line)).collect();
        assert_eq!(places, [(SOURCE, Some(3)), (TABLE, Some(4))]);
    }

    #[test]
    fn lines_with_rows_and_macros_of_other_files_pass() {
        let table = sample(TABLE, "| `good line` | x | y |\n");
        let code = "tracing::error!(\"good line\");\nmatch s { _ => tracing::info!($($line)*) }\n";
        let test = "#[cfg(test)]\nmod tests { fn f() { tracing::info!(\"in a test\"); } }\n";
        let files =
            [sample(SOURCE, &format!("{code}{test}")), sample("examples/a/src/main.rs", "error!(\"other\")"), table];
        assert_eq!(unexplained(&files), []);
    }
}
