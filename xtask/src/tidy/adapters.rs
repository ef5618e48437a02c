//! Keeps adapters thin, because all adapters behave alike only if the core makes the decisions.

use super::{File, Finding};

/// The folders of the adapters.
const ADAPTERS: &[&str] = &["crates/session-actix/src/", "crates/session-tower/src/"];

/// Words that occur in code that makes decisions about expiry, changes, renewals or cookies.
const DECISIONS: &[&str] = &[
    "Duration",
    "Instant",
    "SystemTime",
    "max_age",
    "expir",
    "is_empty",
    "changed",
    "dirty",
    "refresh",
    "renew",
    "destroy",
    "rotate",
    "Max-Age",
    "HttpOnly",
    "Secure",
    "Path=",
];

pub(super) fn decisions(file: &File) -> Vec<Finding> {
    if !ADAPTERS.iter().any(|folder| file.path.starts_with(folder)) {
        return Vec::new();
    }
    file.flag_lines("an adapter that decides something: that is for session-core, and so the same for all", |line| {
        let code = line.split("//").next().unwrap_or(line);
        DECISIONS.iter().any(|word| code.contains(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::sample;

    #[test]
    fn an_adapter_that_decides_something_is_flagged_and_its_comments_are_not() {
        let text = "/// renew\nlet age = now - Duration::from_secs(1); // expired\nlet a = \"; Max-Age=0\";\nlet b;\n";
        let lines: Vec<_> = decisions(&sample("crates/session-tower/src/a.rs", text))
            .into_iter()
            .filter_map(|finding| finding.line)
            .collect();
        assert_eq!(lines, [2, 3]);
        assert_eq!(decisions(&sample("crates/session-core/src/a.rs", text)), []);
    }
}
