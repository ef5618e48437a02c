//! Compares the events that the crates log with the troubleshooting table, which explains each with its level, target
//! and fields.

use super::{File, Finding};

const TABLE: &str = "crates/session-core/TROUBLESHOOTING.md";

/// The ends of the names of macros that log a line, each with its level.
const MACROS: &[(&str, &str)] = &[
    ("error!(", "error"),
    ("warn!(", "warn"),
    ("info!(", "info"),
    ("debug!(", "debug"),
    ("trace!(", "trace"),
    ("log_at!(", "info, warn or error"),
];

/// An event as the code logs it, or as a row explains it.
#[derive(PartialEq)]
struct Event {
    message: String,
    level: String,
    /// Targets within a crate are left out, because they follow the files, unless the code names one.
    target: String,
    fields: String,
}

/// Events of the sources that the table lacks or explains in another way, and rows that no source logs.
pub(super) fn unexplained(files: &[File]) -> Vec<Finding> {
    let rows = files.iter().find(|file| file.path == TABLE).map(rows).unwrap_or_default();
    let logged: Vec<(&File, usize, Event)> = files.iter().filter(|file| is_source(file)).flat_map(events).collect();
    let missing =
        logged.iter().filter(|(.., event)| !rows.iter().any(|(_, row)| row == event)).map(|(file, line, event)| {
            let Event { message, level, target, fields } = event;
            let row = format!("| `{message}` | {level} | {target} | {fields} |");
            Finding::new(&file.path, *line, format!("no row of {TABLE} begins with `{row}`"))
        });
    let stale = rows
        .iter()
        .filter(|(_, row)| !logged.iter().any(|(.., event)| event.message == row.message))
        .map(|(line, row)| Finding::new(TABLE, *line, format!("no crate logs `{}`", row.message)));
    missing.chain(stale).collect()
}

fn is_source(file: &File) -> bool {
    file.is_module() && file.path.starts_with("crates/") && !file.path.starts_with("crates/session-test-support/")
}

/// The events that rows explain: their first cell is code.
fn rows(table: &File) -> Vec<(usize, Event)> {
    let event = |line: &str| {
        let (message, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
        let mut cells = rest.split(" | ").map(str::to_owned);
        let (level, target, fields) = (cells.next()?, cells.next()?, cells.next()?);
        Some(Event { message: message.to_owned(), level, target, fields })
    };
    table.lines().filter_map(|(number, line)| Some((number, event(line)?))).collect()
}

/// The events that a file logs, each with its line.
fn events(file: &File) -> Vec<(&File, usize, Event)> {
    let code = file.text.split("#[cfg(test)]").next().unwrap_or_default();
    let calls = MACROS.iter().flat_map(|(name, level)| code.match_indices(name).map(move |(at, _)| (at, name, *level)));
    let mut found: Vec<_> = calls
        .filter_map(|(at, name, level)| {
            let arguments = arguments(&code[at + name.len()..]);
            let (message, rest) = arguments.split_last()?;
            let message = message.strip_prefix('"')?.strip_suffix('"')?.to_owned();
            let first = usize::from(*name == "log_at!(");
            let (targets, fields): (Vec<_>, Vec<_>) =
                rest.get(first..)?.iter().copied().partition(|argument| argument.starts_with("target: "));
            let fields: Vec<_> = fields.iter().map(|argument| format!("`{}`", field(argument))).collect();
            let fields = if fields.is_empty() { "–".to_owned() } else { fields.join(", ") };
            let target = match targets.first() {
                Some(target) => named_target(code, target),
                // The macro is expanded in the crate of a store.
                None if code[..at].ends_with("$crate::__private::tracing::") => "the store's crate".to_owned(),
                None => format!("`{}`", file.path.split('/').nth(1)?.replace('-', "_")),
            };
            let line = code[..at].matches('\n').count() + 1;
            Some((file, line, Event { message, level: level.to_owned(), target, fields }))
        })
        .collect();
    found.sort_by_key(|(_, line, _)| *line);
    found
}

/// Returns the target that an argument names: a text, or a constant of the file.
fn named_target(code: &str, argument: &str) -> String {
    let target = argument.trim_start_matches("target: ");
    let constant = code.split_once(&format!("const {target}: &str = \"")).and_then(|(_, rest)| rest.split_once('"'));
    format!("`{}`", constant.map_or(target.trim_matches('"'), |(text, _)| text))
}

/// Returns the name of a field: `name = value`, or a variable with the mark of its format.
fn field(argument: &str) -> &str {
    argument.split_once(" = ").map_or(argument, |(name, _)| name).trim_start_matches(['%', '?'])
}

/// Returns the arguments of a call, from the text behind its opening bracket.
fn arguments(text: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut start) = (0, false, 0);
    let mut found = Vec::new();
    for (at, char) in text.char_indices() {
        match char {
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' => depth += 1,
            ',' if depth == 0 => {
                found.push(text[start..at].trim());
                start = at + 1;
            }
            ')' if depth == 0 => {
                found.push(text[start..at].trim());
                break;
            }
            ')' => depth -= 1,
            _ => {}
        }
    }
    found.retain(|argument| !argument.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::sample;

    const SOURCE: &str = "crates/session-a/src/lib.rs";

    fn places(code: &str, table: &str) -> Vec<(String, Option<usize>)> {
        let findings = unexplained(&[sample(SOURCE, code), sample(TABLE, table)]);
        findings.into_iter().map(|finding| (finding.place, finding.line)).collect()
    }

    #[test]
    fn a_line_without_a_row_and_a_row_without_a_line_are_flagged() {
        let code =
            "fn f() {\n    tracing::warn!(\"good line\");\n    log_at!(s, %error,\n        \"bad line\"\n    );\n}\n";
        let table = "| what | level |\n|---|---|\n| `good line` | warn | `session_a` | – | x | y |\n\
                     | `old line` | warn | `session_a` | – | x | y |\n";
        assert_eq!(places(code, table), [(SOURCE.to_owned(), Some(3)), (TABLE.to_owned(), Some(4))]);
    }

    #[test]
    fn a_row_names_level_target_and_fields_as_the_code_has_them() {
        let code = "const TARGET: &str = \"session_a::life\";\n\
                    tracing::info!(target: TARGET, session = id(a, b), %error, \"it, happened\");\n";
        let row = |cells: &str| places(code, &format!("| `it, happened` | {cells} | means | do |\n"));
        assert_eq!(row("info | `session_a::life` | `session`, `error`"), []);
        for wrong in [
            "warn | `session_a::life` | `session`, `error`",
            "info | `session_a` | `session`, `error`",
            "info | `session_a::life` | `session`",
        ] {
            assert_eq!(row(wrong), [(SOURCE.to_owned(), Some(2))], "{wrong}");
        }
        let expanded = "$crate::__private::tracing::error!(store, \"it fails\");\nlog_at!(s, store, \"it fails\");\n";
        let table = "| `it fails` | error | the store's crate | `store` | x | y |\n| `it fails` | info, warn or error | `session_a` | `store` | x | y |\n";
        assert_eq!(places(expanded, table), []);
    }

    #[test]
    fn lines_with_rows_and_macros_of_other_files_pass() {
        let table = sample(TABLE, "| `good line` | error | `session_a` | – | x | y |\n");
        let code = "tracing::error!(\"good line\");\nmatch s { _ => tracing::info!($($line)*) }\n";
        let test = "#[cfg(test)]\nmod tests { fn f() { tracing::info!(\"in a test\"); } }\n";
        let files =
            [sample(SOURCE, &format!("{code}{test}")), sample("examples/a/src/main.rs", "error!(\"other\")"), table];
        assert_eq!(unexplained(&files), []);
    }
}
