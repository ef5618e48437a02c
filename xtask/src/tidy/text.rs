//! Rules about the text of one file.
//!
//! The forbidden words are put together by `concat!`, so that this file does not break its own rules.

use super::{File, Finding};

pub(super) fn trailing_whitespace(file: &File) -> Vec<Finding> {
    file.flag_lines("whitespace at the end of the line", |line| line.ends_with(char::is_whitespace))
}

pub(super) fn final_newline(file: &File) -> Vec<Finding> {
    let last = file.text.lines().count();
    let whole = file.text.is_empty() || file.text.ends_with('\n');
    if whole { Vec::new() } else { vec![Finding::new(&file.path, last, "the last line has no newline")] }
}

pub(super) fn tabs(file: &File) -> Vec<Finding> {
    if !file.is("rs") {
        return Vec::new();
    }
    file.flag_lines("a tab: indent with spaces, and write `\\t` in strings", |line| line.contains('\t'))
}

/// Words for unfinished work, each found only as a whole word.
const PLACEHOLDERS: &[&str] = &[
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
    concat!("db", "g!"),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];

pub(super) fn placeholders(file: &File) -> Vec<Finding> {
    if !is_code_or_prose(file) {
        return Vec::new();
    }
    file.flag_lines("a placeholder: finish it, or file an issue", |line| {
        PLACEHOLDERS.iter().any(|word| contains_word(line, word))
    })
}

/// The calls that take a secret first.
const SECRET_TAKERS: &[&str] = &[concat!("SessionConfig::bui", "lder(\""), concat!("SessionConfig::hard", "ened(\"")];

pub(super) fn literal_secrets(file: &File) -> Vec<Finding> {
    let is_example = file.path.starts_with("examples/") && file.path.contains("/src/");
    let is_documentation = |line: &str| file.is("md") || line.trim_start().starts_with("//");
    file.flag_lines("a secret that readers copy: use the environment or `SessionConfigBuilder::development`", |line| {
        (is_example || is_documentation(line)) && SECRET_TAKERS.iter().any(|taker| line.contains(taker))
    })
}

pub(super) fn ignored_tests(file: &File) -> Vec<Finding> {
    if !file.is("rs") {
        return Vec::new();
    }
    file.flag_lines("an ignored test: every test runs, or goes", |line| line.contains(concat!("#[ig", "nore")))
}

pub(super) fn ignored_examples(file: &File) -> Vec<Finding> {
    if !is_code_or_prose(file) {
        return Vec::new();
    }
    file.flag_lines("an example that is not compiled: use `no_run`, `compile_fail` or `text`", |line| {
        let line = line.trim_start().trim_start_matches(['/', '!']).trim_start();
        line.strip_prefix("```").is_some_and(|kinds| kinds.split([',', ' ']).any(|kind| kind == concat!("ig", "nore")))
    })
}

/// Folders with the files of one machine or user.
const MACHINE_FOLDERS: &[&str] = &["work", "root", "home", "Users"];

pub(super) fn machine_paths(file: &File) -> Vec<Finding> {
    file.flag_lines("the path of one machine: it exists on no other", |line| {
        MACHINE_FOLDERS.iter().any(|folder| {
            let path = format!("/{folder}/");
            line.match_indices(&path).any(|(start, _)| !line[..start].ends_with(is_path_character))
        })
    })
}

/// Names that std uses, so that readers expect them.
const STD_GETTERS: &[&str] = &["get_mut", "get_or_insert", "get_or_insert_with"];

pub(super) fn getters(file: &File) -> Vec<Finding> {
    if !file.is_module() {
        return Vec::new();
    }
    file.flag_lines("a `get_` prefix: Rust names a getter for what it returns (API guidelines, C-GETTER)", |line| {
        let line = line.trim_start();
        let name = line.split_once("fn ").map(|(_, name)| name.split(['(', '<']).next().unwrap_or(name));
        line.starts_with("pub") && name.is_some_and(|name| name.starts_with("get_") && !STD_GETTERS.contains(&name))
    })
}

/// Finds exceptions without a reason. Clippy requires reasons too, but checks only code that is compiled in this build.
pub(super) fn reasonless_exceptions(file: &File) -> Vec<Finding> {
    if !file.is("rs") {
        return Vec::new();
    }
    ["allow(", "expect("]
        .iter()
        .flat_map(|lint| [format!("#[{lint}"), format!("#![{lint}")])
        .flat_map(|attribute| file.text.match_indices(&attribute).map(|(start, _)| start).collect::<Vec<_>>())
        .filter(|start| {
            let attribute = file.text[*start..].split(")]").next().unwrap_or_default();
            !attribute.contains("reason =")
        })
        .map(|start| {
            let line = file.text[..start].matches('\n').count() + 1;
            Finding::new(&file.path, line, "an exception from a lint says why: `reason = \"...\"`")
        })
        .collect()
}

fn is_code_or_prose(file: &File) -> bool {
    file.is("rs") || file.is("md")
}

pub(super) fn contains_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(start, _)| {
        let (before, after) = (&line[..start], &line[start + word.len()..]);
        !before.ends_with(is_word_character) && !after.starts_with(is_word_character)
    })
}

fn is_word_character(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_path_character(c: char) -> bool {
    c.is_alphanumeric() || "_.-~$})".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::sample;

    const NONE: [usize; 0] = [];

    /// The numbers of the lines that the rule flags.
    fn flagged(rule: fn(&File) -> Vec<Finding>, path: &str, text: &str) -> Vec<usize> {
        rule(&sample(path, text)).iter().filter_map(|finding| finding.line).collect()
    }

    #[test]
    fn whitespace_at_the_end_of_a_line_is_flagged() {
        assert_eq!(flagged(trailing_whitespace, "a.md", "good\nbad \n\tgood\nbad\r\n"), [2, 4]);
    }

    #[test]
    fn a_file_without_a_final_newline_is_flagged_at_its_last_line() {
        assert_eq!(flagged(final_newline, "a.md", "one\ntwo"), [2]);
        assert_eq!(flagged(final_newline, "a.md", "one\ntwo\n"), NONE);
        assert_eq!(flagged(final_newline, "a.md", ""), NONE);
    }

    #[test]
    fn tabs_are_flagged_in_rust_only() {
        assert_eq!(flagged(tabs, "a.rs", "good\n\tbad\n"), [2]);
        assert_eq!(flagged(tabs, "Makefile", "\tgood\n"), NONE);
    }

    #[test]
    fn every_placeholder_is_flagged_as_a_word_and_not_inside_one() {
        for word in PLACEHOLDERS {
            assert_eq!(flagged(placeholders, "a.rs", &format!("// good\nlet x = {word}(1);\n")), [2], "{word}");
            assert_eq!(flagged(placeholders, "a.rs", &format!("let x = \"a{word}b\";\n")), NONE, "{word}");
        }
    }

    #[test]
    fn a_literal_secret_is_flagged_in_docs_and_examples_and_not_in_tests() {
        for taker in SECRET_TAKERS {
            let text = format!("/// let config = {taker}some secret\", \"id\");\n{taker}some secret\", \"id\")\n");
            assert_eq!(flagged(literal_secrets, "crates/a/src/lib.rs", &text), [1], "{taker}");
            assert_eq!(flagged(literal_secrets, "README.md", &text), [1, 2], "{taker}");
            assert_eq!(flagged(literal_secrets, "examples/a/src/main.rs", &text), [1, 2], "{taker}");
        }
        assert_eq!(flagged(literal_secrets, "README.md", "SessionConfig::builder(secret, \"id\")\n"), NONE);
    }

    #[test]
    fn an_ignored_test_is_flagged_with_or_without_a_reason() {
        let text = concat!("#[test]\n#[ig", "nore]\n#[ig", "nore = \"slow\"]\nfn ignore() {}\n");
        assert_eq!(flagged(ignored_tests, "a.rs", text), [2, 3]);
    }

    #[test]
    fn an_ignored_example_is_flagged_in_docs_and_markdown() {
        let fence = concat!("```ig", "nore");
        assert_eq!(flagged(ignored_examples, "a.rs", &format!("/// ```no_run\n/// {fence}\n//! {fence}\n")), [2, 3]);
        let fence = concat!("```rust,ig", "nore");
        assert_eq!(flagged(ignored_examples, "a.md", &format!("```rust\n{fence}\n")), [2]);
    }

    #[test]
    fn a_path_of_one_machine_is_flagged() {
        for folder in MACHINE_FOLDERS {
            let text = format!("see `/{folder}/me`\nGET https://example.com/{folder}/me\n$DIR/{folder}/me\n");
            assert_eq!(flagged(machine_paths, "a.txt", &text), [1], "{folder}");
        }
    }

    #[test]
    fn a_public_getter_is_flagged_unless_std_has_it() {
        let text = "pub fn get_id() {}\n    pub(crate) async fn get_all<T>() {}\nfn get_private() {}\n\
                    pub fn get() {}\npub fn get_mut(&mut self) {}\n";
        assert_eq!(flagged(getters, "crates/a/src/lib.rs", text), [1, 2]);
        assert_eq!(flagged(getters, "crates/a/tests/it/main.rs", text), NONE);
    }

    #[test]
    fn an_exception_without_a_reason_is_flagged_also_over_several_lines() {
        let allow = concat!("#[al", "low(");
        let text =
            format!("{allow}dead_code)]\n\n{allow}\n    dead_code,\n    reason = \"why\"\n)]\n#![al{}x)]\n", "low(");
        assert_eq!(flagged(reasonless_exceptions, "a.rs", &text), [1, 7]);
    }
}
