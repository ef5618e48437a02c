//! Links between the project's own documents.

use std::path::{Component, Path, PathBuf};

use super::{File, Finding};

/// Finds links in Markdown files to files that don't exist.
pub(super) fn dead(files: &[File], exists: impl Fn(&Path) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is("md")) {
        let mut in_code = false;
        for (number, line) in file.lines() {
            if line.trim_start().starts_with("```") {
                in_code = !in_code;
            }
            if in_code {
                continue;
            }
            for target in targets(line).filter_map(local_path) {
                if !exists(&resolve(&file.path, target)) {
                    findings.push(Finding::new(
                        &file.path,
                        number,
                        format!("links to `{target}`, which does not exist"),
                    ));
                }
            }
        }
    }
    findings
}

/// Returns the targets of the links in a line: `[text](target)`, `[text](target "title")`, `[name]: target` and the
/// `src="target"` of a picture.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let inline = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let definition = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|(_, target)| target);
    let pictures = line.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next());
    inline.chain(definition).chain(pictures).filter_map(|target| target.split_whitespace().next())
}

/// Returns the path in a link, unless it leads to a website, a section of the same page, or a Rust item. Rustdoc checks
/// links to Rust items, in pages that are included in crate documentation.
fn local_path(target: &str) -> Option<&str> {
    let path = target.split('#').next().unwrap_or(target);
    let elsewhere = path.is_empty() || path.contains(':');
    (!elsewhere).then_some(path)
}

/// Returns the linked file, from the root of the repository. A link is relative to its page or, with a leading `/`, to
/// the root.
fn resolve(page: &str, link: &str) -> PathBuf {
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    let joined = match link.strip_prefix('/') {
        Some(from_root) => PathBuf::from(from_root),
        None => folder.join(link),
    };
    let mut resolved = PathBuf::new();
    for component in joined.components() {
        match component {
            Component::ParentDir => {
                resolved.pop();
            }
            other => resolved.push(other),
        }
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::sample;

    const NONE: [usize; 0] = [];

    fn dead_lines(page: &str, text: &str) -> Vec<usize> {
        let existing = [Path::new("README.md"), Path::new("docs/design.md")];
        let findings = dead(&[sample(page, text)], |path| existing.contains(&path));
        findings.iter().filter_map(|finding| finding.line).collect()
    }

    #[test]
    fn links_to_missing_files_are_flagged() {
        let text =
            "[good](docs/design.md)\n[bad](docs/gone.md) [good](docs/design.md#section \"title\")\n[bad]: gone.md\n";
        assert_eq!(dead_lines("README.md", text), [2, 3]);
        let pictures = "<img src=\"docs/design.md\">\n<img width=\"4\" src=\"docs/gone.png\">\n";
        assert_eq!(dead_lines("README.md", pictures), [2]);
    }

    #[test]
    fn links_are_relative_to_their_page_or_to_the_root() {
        assert_eq!(dead_lines("docs/other.md", "[a](design.md) [b](../README.md) [c](/README.md)\n"), NONE);
        assert_eq!(dead_lines("docs/other.md", "[a](docs/design.md)\n"), [1]);
    }

    #[test]
    fn websites_sections_items_and_code_are_no_files() {
        let text = "[a](https://example.com/x) [b](#here) [c](crate::Session)\n```rust\nlist[0](x)\n```\n";
        assert_eq!(dead_lines("README.md", text), NONE);
    }
}
