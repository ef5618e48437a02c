//! No two files of a crate import each other: a name that both need has a file of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::{File, Finding};

/// A crate's folder, and the path of a module within it.
type Module<'a> = (&'a str, Vec<&'a str>);

/// The pairs of files that name each other's modules by their paths from the root of the crate.
///
/// The root itself is left out, because it only declares modules and re-exports their names.
pub(super) fn pairs(files: &[File]) -> Vec<Finding> {
    let modules: BTreeMap<Module<'_>, &File> =
        files.iter().filter(|file| file.is_module()).filter_map(|file| Some((module(&file.path)?, file))).collect();
    let mut imports: BTreeSet<(&Module<'_>, &Module<'_>)> = BTreeSet::new();
    for (from, file) in &modules {
        imports.extend(paths(&file.text).filter_map(|path| Some((from, resolve(&modules, from.0, path)?))));
    }
    let both_ways = imports.iter().filter(|(from, to)| from < to && imports.contains(&(*to, *from)));
    let flag = |(from, to): &(&Module<'_>, &Module<'_>)| {
        let message = format!("imports {} and is imported by it: move what both need", modules[*to].path);
        Finding::new(&modules[*from].path, None, message)
    };
    both_ways.map(flag).collect()
}

/// Returns the module of a file; `None` for the root of a crate.
fn module(path: &str) -> Option<Module<'_>> {
    let (folder, rest) = path.split_once("/src/")?;
    let segments: Vec<&str> = rest.strip_suffix(".rs")?.split('/').collect();
    (!matches!(segments[..], ["lib" | "main"])).then_some((folder, segments))
}

/// Returns the paths after each `crate::`, unit tests and comments left out.
fn paths(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().take_while(|line| *line != "#[cfg(test)]").flat_map(|line| {
        let code = line.split("//").next().unwrap_or(line);
        code.match_indices("crate::").filter(|(at, _)| !code[..*at].ends_with('$')).map(|(at, root)| {
            let path = &code[at + root.len()..];
            let end = path.find(|char: char| !char.is_alphanumeric() && !"_:".contains(char)).unwrap_or(path.len());
            path[..end].split("::").collect()
        })
    })
}

/// Returns the innermost module that a path names.
fn resolve<'a, 'm>(
    modules: &'m BTreeMap<Module<'a>, &'a File>,
    folder: &'a str,
    mut path: Vec<&'a str>,
) -> Option<&'m Module<'a>> {
    while !path.is_empty() {
        if let Some((found, _)) = modules.get_key_value(&(folder, path.clone())) {
            return Some(found);
        }
        path.pop();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::sample;

    fn flagged(a: &str, b: &str) -> usize {
        let files =
            [sample("crates/x/src/a.rs", a), sample("crates/x/src/b/c.rs", b), sample("crates/x/src/lib.rs", a)];
        pairs(&files).len()
    }

    #[test]
    fn two_files_that_import_each_other_are_flagged_once() {
        assert_eq!(flagged("use crate::b::c::{C, D};\n", "fn f() -> crate::a::A {}\n"), 1);
        assert_eq!(flagged("use crate::b::c::C;\n", "use std::fmt;\n"), 0);
    }

    #[test]
    fn comments_unit_tests_and_macros_for_other_crates_import_nothing() {
        for text in ["// crate::a::A\n", "#[cfg(test)]\nuse crate::a::A;\n", "$crate::a::A\n"] {
            assert_eq!(flagged("use crate::b::c::C;\n", text), 0, "{text}");
        }
    }
}
