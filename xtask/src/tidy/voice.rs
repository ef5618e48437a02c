//! Rules about the English of the code and pages: plain words, plain openings and short names.

use super::text::contains_word;
use super::{File, Finding};

/// Words that hide who acts.
const VAGUE: &[&str] = &["somebody", "nobody", "whoever", "meanwhile"];

/// A section that only refers to another one.
const ELSEWHERE: &str = "As there.";

/// First words of a doc line that hide what an item is or does.
const OPENINGS: &[&str] = &["What ", "Whether ", "That of ", "The same "];

/// The largest number of characters in a function's name. Names of tests are sentences.
const LONGEST_NAME: usize = 80;

pub(super) fn vague_words(file: &File) -> Vec<Finding> {
    if !has_our_voice(file) && !file.is("md") {
        return Vec::new();
    }
    file.flag_lines("a vague word: name who acts, or the request, client, store or caller that is meant", |line| {
        // The words of a name count too.
        let line = line.to_lowercase().replace('_', " ");
        VAGUE.iter().any(|word| contains_word(&line, word))
    })
}

pub(super) fn references_elsewhere(file: &File) -> Vec<Finding> {
    if !has_our_voice(file) {
        return Vec::new();
    }
    file.flag_lines("a section that refers elsewhere: list the conditions", |line| line.contains(ELSEWHERE))
}

pub(super) fn doc_openings(file: &File) -> Vec<Finding> {
    if !has_our_voice(file) {
        return Vec::new();
    }
    file.flag_lines("a doc line begins with a verb in the third person, or with an article and a noun", |line| {
        let line = line.trim_start();
        let text = line.strip_prefix("/// ").or_else(|| line.strip_prefix("//! "));
        text.is_some_and(|text| OPENINGS.iter().any(|opening| text.starts_with(opening)))
    })
}

pub(super) fn long_names(file: &File) -> Vec<Finding> {
    if !has_our_voice(file) {
        return Vec::new();
    }
    file.flag_lines("the name of a function has at most 80 characters: the module carries the noun", |line| {
        let name = line.split_once("fn ").map(|(_, rest)| rest.split(['(', '<']).next().unwrap_or_default());
        name.is_some_and(|name| name.len() > LONGEST_NAME && !name.contains(' '))
    })
}

/// Returns `true` for all Rust files except this one, which must contain the words.
fn has_our_voice(file: &File) -> bool {
    file.is("rs") && file.path != "xtask/src/tidy/voice.rs"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::sample;

    const NONE: [usize; 0] = [];

    /// Returns the numbers of the lines that the rule flags.
    fn flagged(rule: fn(&File) -> Vec<Finding>, path: &str, text: &str) -> Vec<usize> {
        rule(&sample(path, text)).iter().filter_map(|finding| finding.line).collect()
    }

    #[test]
    fn vague_words_are_flagged_in_code_and_pages() {
        for word in VAGUE {
            let capital = word[..1].to_uppercase() + &word[1..];
            for path in ["crates/a/src/b.rs", "a.md"] {
                assert_eq!(flagged(vague_words, path, &format!("good\n// {capital} waits.\n")), [2], "{word}");
            }
            assert_eq!(flagged(vague_words, "examples/a/b.rs", &format!("fn a_{word}_b() {{}}\n")), [1], "{word}");
            assert_eq!(flagged(vague_words, "crates/a/src/b.rs", &format!("let a{word}_b = 1;\n")), NONE, "{word}");
            assert_eq!(flagged(vague_words, "a.css", &format!("{word}\n")), NONE, "{word}");
        }
    }

    #[test]
    fn sections_that_refer_elsewhere_are_flagged() {
        assert_eq!(
            flagged(references_elsewhere, "crates/a/src/b.rs", &format!("/// # Errors\n/// {ELSEWHERE}\n")),
            [2]
        );
        assert_eq!(flagged(references_elsewhere, "crates/a/src/b.rs", "/// [`Gone`] if the session is gone.\n"), NONE);
    }

    #[test]
    fn doc_lines_that_open_without_verb_or_article_are_flagged() {
        for opening in OPENINGS {
            assert_eq!(
                flagged(doc_openings, "crates/a/src/b.rs", &format!("/// Returns it.\n    /// {opening}store.\n")),
                [2]
            );
            assert_eq!(
                flagged(doc_openings, "crates/a/src/b.rs", &format!("//! {opening}store.\n// {opening}store.\n")),
                [1]
            );
        }
        assert_eq!(flagged(doc_openings, "crates/a/src/b.rs", "/// Whatever it is. The same.\n"), NONE);
    }

    #[test]
    fn names_of_more_than_80_characters_are_flagged() {
        let function = |length| format!("    async fn {}() {{\n", "a".repeat(length));
        assert_eq!(flagged(long_names, "crates/a/tests/it/b.rs", &function(LONGEST_NAME + 1)), [1]);
        assert_eq!(flagged(long_names, "crates/a/tests/it/b.rs", &function(LONGEST_NAME)), NONE);
        assert_eq!(flagged(long_names, "a.md", &function(LONGEST_NAME + 1)), NONE);
    }
}
