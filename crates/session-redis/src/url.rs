//! The URL of a server, or of several.

use std::time::Duration;

use fred::types::config::Config;

use crate::config_error::RedisConfigError::{self, ClusterDatabase, InvalidParameter, UnknownParameter, Url};

/// The contents of a URL.
///
/// It has no `Debug`, because that of fred would print the password.
pub(crate) struct Target {
    pub(crate) config: Config,
    /// The URL asks for TLS, which the caller must set up.
    pub(crate) tls: bool,
    pub(crate) timeout: Option<Duration>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Server,
    Unix,
    Sentinels,
    Cluster,
}

impl Target {
    pub(crate) fn parse(url: &str) -> Result<Self, RedisConfigError> {
        let (scheme, rest) = url.split_once("://").ok_or(Url)?;
        let (store, suffix) = scheme.split_at(scheme.find(['-', '+']).unwrap_or(scheme.len()));
        let tls = match store {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(Url),
        };
        let kind = match suffix {
            "" => Kind::Server,
            "+unix" if !tls => Kind::Unix,
            "-sentinel" => Kind::Sentinels,
            "-cluster" => Kind::Cluster,
            _ => return Err(Url),
        };
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        // These characters, unencoded in a password, would look like the end of the part that holds it.
        if rest.contains('#') || query.contains('@') {
            return Err(Url);
        }
        let parameters = parameters(query, kind)?;
        let value = |name| parameters.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
        if kind == Kind::Sentinels && value("sentinelServiceName").is_none() {
            return Err(InvalidParameter { name: "sentinelServiceName".into() });
        }
        // The scheme for TLS is left out, because fred continues in plain text if TLS is not compiled in, and panics if
        // two providers are.
        let mut config = Config::from_url(&format!("redis{suffix}://{rest}")).map_err(|_| Url)?;
        let path = if kind == Kind::Unix { "" } else { place.split_once('/').map_or("", |(_, path)| path) };
        config.database = database(path, value("db"), kind)?;
        // An attempt to connect ends with its first error.
        config.fail_fast = true;
        let timeout = value("timeout").or(value("socket_timeout")).map(seconds).transpose()?;
        Ok(Self { config, tls, timeout })
    }
}

/// Splits the query into names and values, and refuses parameters that a URL of this kind does not have.
fn parameters(query: &str, kind: Kind) -> Result<Vec<(&str, &str)>, RedisConfigError> {
    let mut parameters: Vec<(&str, &str)> = Vec::new();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let known = match name {
            "timeout" | "socket_timeout" => true,
            "db" => kind != Kind::Cluster,
            "node" => matches!(kind, Kind::Sentinels | Kind::Cluster),
            "sentinelServiceName" | "sentinelUsername" | "sentinelPassword" => kind == Kind::Sentinels,
            _ => false,
        };
        if !known {
            return Err(UnknownParameter { name: name.into() });
        }
        let repeated = name != "node" && parameters.iter().any(|(other, _)| *other == name);
        if value.is_empty() || repeated {
            return Err(InvalidParameter { name: name.into() });
        }
        parameters.push((name, value));
    }
    Ok(parameters)
}

/// Returns the database to select. A connection begins with database 0, so none is selected for that.
fn database(path: &str, parameter: Option<&str>, kind: Kind) -> Result<Option<u8>, RedisConfigError> {
    let invalid = |_| InvalidParameter { name: "db".into() };
    let of_path = if path.is_empty() { None } else { Some(path.parse().map_err(|_| Url)?) };
    let of_parameter = parameter.map(str::parse).transpose().map_err(invalid)?;
    match (of_path, of_parameter) {
        (Some(_), Some(_)) => Err(InvalidParameter { name: "db".into() }),
        (Some(1..), None) if kind == Kind::Cluster => Err(ClusterDatabase),
        (database, other) => Ok(database.or(other).filter(|database| *database != 0)),
    }
}

fn seconds(text: &str) -> Result<Duration, RedisConfigError> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|seconds| !seconds.is_zero()).ok_or_else(|| InvalidParameter { name: "timeout".into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> RedisConfigError {
        match Target::parse(url) {
            Err(error) => error,
            Ok(_) => panic!("{url} is taken"),
        }
    }

    fn database(url: &str) -> Option<u8> {
        Target::parse(url).unwrap().config.database
    }

    #[test]
    fn the_database_is_in_the_path_or_a_parameter() {
        assert_eq!(database("redis://host/3"), Some(3));
        assert_eq!(database("redis://host?db=3"), Some(3));
        assert_eq!(database("redis://host/?db=3"), Some(3));
        assert_eq!(database("redis+unix:///run/redis.sock?db=3"), Some(3));
        assert_eq!(database("redis-sentinel://host/3?sentinelServiceName=a"), Some(3));
        for url in ["redis://host", "redis://host/", "redis://host/0", "redis://host?db=0", "redis-cluster://host/0"] {
            assert_eq!(database(url), None, "{url}");
        }
        assert_eq!(refusal("redis://host/3?db=3"), InvalidParameter { name: "db".into() });
        assert_eq!(refusal("redis://host?db=x"), InvalidParameter { name: "db".into() });
        assert_eq!(refusal("redis://host/x"), Url);
        assert_eq!(refusal("redis-cluster://host/3"), ClusterDatabase);
        assert_eq!(refusal("redis-cluster://host?db=3"), UnknownParameter { name: "db".into() });
    }

    #[test]
    fn the_timeout_is_a_parameter_in_seconds() {
        let timeout = |url| Target::parse(url).unwrap().timeout;
        assert_eq!(timeout("redis://host?timeout=2"), Some(Duration::from_secs(2)));
        assert_eq!(timeout("redis://host?socket_timeout=0.1"), Some(Duration::from_millis(100)));
        assert_eq!(timeout("redis://host"), None);
        for wrong in ["0", "-1", "x", "inf", "NaN", ""] {
            let error = refusal(&format!("redis://host?timeout={wrong}"));
            assert_eq!(error, InvalidParameter { name: "timeout".into() }, "{wrong}");
        }
    }

    #[test]
    fn parameters_that_would_not_be_used_are_refused_by_name() {
        for (url, name) in [
            ("redis://host?ssl_cert_reqs=none", "ssl_cert_reqs"),
            ("redis://host?db=1&max_connections=9", "max_connections"),
            ("redis://host?node=other:6379", "node"),
            ("redis://host?sentinelServiceName=a", "sentinelServiceName"),
            ("redis-cluster://host?sentinelPassword=a", "sentinelPassword"),
            ("redis+unix:///run/redis.sock?password=a", "password"),
            ("redis://host?DB=1", "DB"),
        ] {
            assert_eq!(refusal(url), UnknownParameter { name: name.into() }, "{url}");
        }
        for (url, name) in [("redis://host?db=1&db=2", "db"), ("redis-sentinel://host", "sentinelServiceName")] {
            assert_eq!(refusal(url), InvalidParameter { name: name.into() }, "{url}");
        }
    }

    #[test]
    fn a_part_of_a_password_is_not_taken_for_a_parameter() {
        for url in ["redis://ann:123?secret@host", "redis://ann:1?a&secret=2@host", "redis://ann:1#secret@host"] {
            assert_eq!(refusal(url), Url, "{url}");
        }
    }
}
