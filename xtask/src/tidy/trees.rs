//! Forbids dependencies that a crate must not bring to its users: the borders between core, adapters, backends and formats.

use anyhow::Result;

use super::Finding;
use crate::metadata::{Dependency, dependency_tree};

/// The packages that the dependency tree of one package must not contain.
struct Border {
    package: &'static str,
    /// The features, as a cargo flag.
    features: &'static str,
    /// The kinds of dependencies, in `cargo tree`'s words.
    edges: &'static str,
    /// The names of the packages; a `*` at the end matches any rest.
    forbidden: &'static [&'static [&'static str]],
    why: &'static str,
}

const HTTP: &[&str] = &["http", "http-*", "hyper", "hyper-*", "tower", "tower-*"];
const TOWER: &[&str] = &["hyper", "hyper-*", "tower", "tower-*", "session-tower"];
const AXUM: &[&str] = &["axum", "axum-*"];
const ACTIX: &[&str] = &["actix-*", "session-actix"];
const CLIENTS: &[&str] = &["fred", "redis", "redis-*", "async-memcached", "sqlx"];
/// The formats of other frameworks. Each brings crates of its own. Cargo itself keeps them out of the core, on which they
/// depend.
const FORMATS: &[&str] = &["session-compat"];
const SERVER_DRIVERS: &[&str] = &["sqlx-mysql", "sqlx-postgres", "rustls"];
/// The list has no `redis-*`, because fred brings `redis-protocol`.
const OTHER_STORES: &[&str] = &["async-memcached", "redis"];

const BORDERS: &[Border] = &[
    Border {
        package: "session-core",
        features: "--all-features",
        edges: "normal",
        forbidden: &[HTTP, AXUM, ACTIX, CLIENTS],
        why: "the core names no web framework and no client library",
    },
    Border {
        package: "session-backend-support",
        features: "--all-features",
        edges: "normal",
        forbidden: &[HTTP, AXUM, ACTIX, CLIENTS, &["session-core"]],
        why: "authors of stores compile no client but their own",
    },
    Border {
        package: "session-compat",
        features: "--all-features",
        edges: "normal",
        forbidden: &[HTTP, AXUM, ACTIX, CLIENTS],
        why: "a format is bytes: it names no web framework and no client library",
    },
    Border {
        package: "session-compat",
        features: "--features=starlette-pickle",
        edges: "normal,build",
        forbidden: &[&["aes-gcm", "flate2", "miniz_oxide", "rmp*"]],
        why: "users of one format compile nothing of another",
    },
    Border {
        package: "session-compat",
        features: "--no-default-features",
        edges: "normal,build",
        forbidden: &[&["aes-gcm", "miniz_oxide"]],
        why: "users of no format compile nothing of one",
    },
    Border {
        package: "session-actix",
        features: "--all-features",
        edges: "normal,build,dev",
        forbidden: &[TOWER, AXUM, CLIENTS, FORMATS],
        why: "an adapter knows one framework and no backend, and neither do its tests",
    },
    Border {
        package: "session-memcache",
        features: "--all-features",
        edges: "normal",
        forbidden: &[HTTP, AXUM, ACTIX, &["fred", "redis", "redis-*", "sqlx"], FORMATS],
        why: "a backend knows its own client and nothing of HTTP",
    },
    Border {
        package: "session-testkit",
        features: "--all-features",
        edges: "normal",
        forbidden: &[HTTP, AXUM, ACTIX, CLIENTS, FORMATS],
        why: "authors of backends and adapters compile no framework and no client but their own",
    },
    Border {
        package: "session-tower",
        features: "--all-features",
        edges: "normal,build,dev",
        forbidden: &[ACTIX, CLIENTS, FORMATS],
        why: "an adapter knows one framework and no backend, and neither do its tests",
    },
    Border {
        package: "session-tower",
        features: "--no-default-features",
        edges: "normal",
        forbidden: &[AXUM],
        why: "tower users who don't use axum don't compile it",
    },
    Border {
        package: "session-redis",
        features: "--all-features",
        edges: "normal",
        forbidden: &[HTTP, AXUM, ACTIX, OTHER_STORES, FORMATS],
        why: "a backend knows nothing of cookies or HTTP, and one client",
    },
    Border {
        package: "session-sql",
        features: "--all-features",
        edges: "normal",
        forbidden: &[HTTP, AXUM, ACTIX, &["fred", "redis", "redis-*", "async-memcached"], FORMATS],
        why: "a backend knows nothing of cookies or HTTP, and one client",
    },
    Border {
        package: "session-sql",
        features: "--features=sqlite",
        edges: "normal",
        forbidden: &[SERVER_DRIVERS],
        why: "users of one database compile no driver of another",
    },
    Border {
        package: "session-sql",
        features: "--features=postgres",
        edges: "normal",
        forbidden: &[&["sqlx-mysql", "sqlx-sqlite", "libsqlite3-sys", "rustls"]],
        why: "users of one database compile no driver of another, and no TLS that they did not ask for",
    },
    Border {
        package: "session-sql",
        features: "--features=mysql",
        edges: "normal",
        forbidden: &[&["sqlx-postgres", "sqlx-sqlite", "libsqlite3-sys", "rustls"]],
        why: "users of one database compile no driver of another, and no TLS that they did not ask for",
    },
];

/// Checks each tree. Cargo fails on a row for a package that does not exist.
pub(super) fn check() -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for border in BORDERS {
        let tree = dependency_tree(border.package, border.features, border.edges)?;
        findings.extend(crossings(border, &tree));
    }
    Ok(findings)
}

fn crossings(border: &Border, tree: &[Dependency]) -> Vec<Finding> {
    let Border { package, features, edges, forbidden, why } = border;
    let patterns = || forbidden.iter().copied().flatten();
    tree.iter()
        .filter(|dependency| patterns().any(|pattern| matches(pattern, &dependency.name)))
        .map(|Dependency { name, .. }| {
            let way = format!("cargo tree --package {package} {features} --edges {edges} --invert {name}");
            Finding::new(package, None, format!("depends on {name}: {why}; see `{way}`"))
        })
        .collect()
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forbidden_package_is_flagged_and_a_similar_name_is_not() {
        let forbidden = &[HTTP, ACTIX];
        let border =
            Border { package: "p", features: "--all-features", edges: "normal,build,dev", forbidden, why: "a reason" };
        let tree = ["actix-web", "http", "httparse", "serde", "tower-layer", "towering"]
            .map(|name| Dependency { name: name.to_owned(), version: "1.0.0".to_owned() });
        let found: Vec<String> = crossings(&border, &tree).into_iter().map(|finding| finding.message).collect();
        assert_eq!(found.len(), 3, "{found:?}");
        for (message, name) in found.iter().zip(["actix-web", "http", "tower-layer"]) {
            assert!(message.starts_with(&format!("depends on {name}:")), "{message}");
        }
    }
}
