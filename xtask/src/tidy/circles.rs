//! Finds files of a crate that import each other in a circle. A name that all of them need belongs in a file of its
//! own.

use std::collections::{BTreeMap, BTreeSet};

use super::{File, Finding};

/// A crate's folder, and the path of a module within it.
type Module<'a> = (&'a str, Vec<&'a str>);

/// Returns the circles. A file imports a module if it names the module by a path from the root of the crate or from
/// `super`.
///
/// The root itself is left out, because it only declares modules and re-exports their names. A name that a module
/// imports from a module that it declares itself does not count.
pub(super) fn circles(files: &[File]) -> Vec<Finding> {
    let modules: BTreeMap<Module<'_>, &File> =
        files.iter().filter(|file| file.is_module()).filter_map(|file| Some((module(&file.path)?, file))).collect();
    let imports: BTreeMap<_, _> = modules
        .iter()
        .map(|(module, file)| {
            let found = paths(&file.text, &module.1).into_iter().filter_map(|path| resolve(&modules, module.0, path));
            (module, found.filter(|to| *to != module).collect::<Vec<_>>())
        })
        .collect();
    let within_reach: BTreeMap<_, _> = modules.keys().map(|module| (module, reachable(&imports, module))).collect();
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for (module, reached) in &within_reach {
        let circle: Vec<_> = reached.iter().filter(|other| within_reach[*other].contains(module)).collect();
        if !circle.is_empty() && circle.iter().all(|member| seen.insert(**member)) {
            let paths: Vec<_> = circle.iter().map(|member| modules[**member].path.as_str()).collect();
            let message = format!("imports in a circle, {}: move what they share", paths.join(" and "));
            findings.push(Finding::new(&modules[*module].path, None, message));
        }
    }
    findings
}

/// Returns the modules that a module imports, directly or through other modules.
fn reachable<'m, 'a>(
    imports: &BTreeMap<&'m Module<'a>, Vec<&'m Module<'a>>>,
    from: &'m Module<'a>,
) -> BTreeSet<&'m Module<'a>> {
    let (mut reached, mut open) = (BTreeSet::new(), imports[from].clone());
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(&imports[next]);
        }
    }
    reached
}

/// Returns the module of a file; `None` for the root of a crate.
fn module(path: &str) -> Option<Module<'_>> {
    let (folder, rest) = path.split_once("/src/")?;
    let segments: Vec<&str> = rest.strip_suffix(".rs")?.split('/').collect();
    (!matches!(segments[..], ["lib" | "main"])).then_some((folder, segments))
}

/// Returns the paths after each `crate::` and `super::` of a module, from the root; unit tests and comments left out.
fn paths<'a>(text: &'a str, module: &[&'a str]) -> Vec<Vec<&'a str>> {
    let mut found = Vec::new();
    for line in text.lines().take_while(|line| *line != "#[cfg(test)]") {
        let code = line.split("//").next().unwrap_or(line);
        let of_root = code.match_indices("crate::").map(|(at, root)| (at, &code[at + root.len()..], &[][..]));
        let of_parent = code.match_indices("super::").map(|(at, parent)| {
            let levels = 1 + (at - code[..at].trim_end_matches(parent).len()) / parent.len();
            (at, &code[at + parent.len()..], &module[..module.len().saturating_sub(levels)])
        });
        for (at, path, parent) in of_root.chain(of_parent) {
            if !code[..at].ends_with('$') && !path.starts_with("super::") {
                let end = path.find(|char: char| !char.is_alphanumeric() && !"_:".contains(char)).unwrap_or(path.len());
                found.push(parent.iter().copied().chain(path[..end].split("::")).collect());
            }
        }
    }
    found
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

    fn found(texts: &[(&str, &str)]) -> Vec<Finding> {
        let files: Vec<_> = texts.iter().map(|(path, text)| sample(&format!("crates/x/src/{path}.rs"), text)).collect();
        circles(&files)
    }

    fn flagged(a: &str, b: &str) -> usize {
        found(&[("a", a), ("b/c", b), ("lib", a)]).len()
    }

    #[test]
    fn two_files_that_import_each_other_are_flagged_once() {
        assert_eq!(flagged("use crate::b::c::{C, D};\n", "fn f() -> crate::a::A {}\n"), 1);
        assert_eq!(flagged("use crate::b::c::C;\n", "use super::super::a::A;\n"), 1);
        assert_eq!(flagged("use crate::b::c::C;\n", "use std::fmt;\n"), 0);
    }

    #[test]
    fn a_longer_circle_is_flagged_once_with_all_its_files() {
        let (a, b, c) = ("use crate::b::B;\n", "use super::c::C;\n", "use crate::a::A;\n");
        let findings = found(&[("a", a), ("b", b), ("c", c), ("d", a)]);
        assert_eq!(findings.len(), 1);
        let text = findings[0].to_string();
        assert!(["src/a.rs", "src/b.rs", "src/c.rs"].iter().all(|path| text.contains(path)), "{text}");
        assert!(!text.contains("src/d.rs"), "{text}");
        assert_eq!(found(&[("a", a), ("b", b), ("c", "use std::fmt;\n")]).len(), 0);
    }

    #[test]
    fn a_module_may_use_what_it_declares() {
        assert_eq!(found(&[("a", "mod b;\nuse b::B;\n"), ("a/b", "use super::A;\n")]).len(), 0);
    }

    #[test]
    fn comments_unit_tests_and_macros_for_other_crates_import_nothing() {
        for text in ["// crate::a::A\n", "#[cfg(test)]\nuse crate::a::A;\n", "$crate::a::A\n"] {
            assert_eq!(flagged("use crate::b::c::C;\n", text), 0, "{text}");
        }
    }
}
