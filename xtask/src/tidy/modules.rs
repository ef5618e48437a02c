//! Limits the length of modules.

use super::{File, Finding};

/// The largest number of lines of a module without a reason, not counting its unit tests.
const LIMIT: usize = 400;

/// Modules that are longer, each with the reason why it is not split.
pub(super) const LONG_FOR_A_REASON: &[(&str, &str)] = &[];

/// Returns modules that are too long, and entries of the table that are no longer needed.
pub(super) fn long(files: &[File], reasons: &[(&str, &str)]) -> Vec<Finding> {
    let too_long = |file: &&File| file.is_module() && length(&file.text) > LIMIT;
    let has_reason = |file: &&File| reasons.iter().any(|(path, _)| *path == file.path);
    let unexplained = files.iter().filter(too_long).filter(|file| !has_reason(file)).map(|file| {
        let message = format!(
            "{} lines without its tests, over {LIMIT}: split it, or give the reason in {}",
            length(&file.text),
            file!()
        );
        Finding::new(&file.path, None, message)
    });
    let stale = reasons
        .iter()
        .filter(|(path, _)| !files.iter().filter(too_long).any(|file| file.path == *path))
        .map(|(path, _)| Finding::new(path, None, format!("is listed in {}, but is no long module", file!())));
    unexplained.chain(stale).collect()
}

/// Returns the number of lines before the module of unit tests, which is at the end.
fn length(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .windows(2)
        .position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod tests"))
        .unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::sample;

    const PATH: &str = "crates/a/src/lib.rs";

    #[test]
    fn a_long_module_is_flagged_unless_the_table_gives_a_reason() {
        let files = [sample(PATH, &"line\n".repeat(LIMIT + 1))];
        assert_eq!(long(&files, &[]).len(), 1);
        assert_eq!(long(&files, &[(PATH, "a generated table")]), []);
    }

    #[test]
    fn unit_tests_and_integration_tests_do_not_count() {
        let body = "line\n".repeat(LIMIT);
        let files = [
            sample(PATH, &format!("{body}#[cfg(test)]\nmod tests {{\n{body}}}\n")),
            sample("crates/a/tests/it/main.rs", &body.repeat(2)),
        ];
        assert_eq!(long(&files, &[]), []);
    }

    #[test]
    fn an_entry_for_a_module_that_is_short_or_gone_is_flagged() {
        let files = [sample(PATH, "line\n")];
        let reasons = [(PATH, "was long"), ("crates/a/src/gone.rs", "was there")];
        assert_eq!(long(&files, &reasons).len(), 2);
    }
}
