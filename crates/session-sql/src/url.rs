//! The parameters of URLs.

use crate::config_error::SqlConfigError;

/// Refuses a parameter that the client library would ignore.
pub(crate) fn check_parameters(url: &str, known: &[&str]) -> Result<(), SqlConfigError> {
    let Some((_, query)) = url.split_once('?') else { return Ok(()) };
    let query = query.split('#').next().unwrap_or(query);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let name = pair.split('=').next().unwrap_or(pair);
        if !known.contains(&name) {
            return Err(SqlConfigError::Parameter { name: name.into() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_parameter_is_refused_by_its_name() {
        let check = |url| check_parameters(url, &["sslmode", "host"]);
        for url in ["postgres://a/b", "postgres://a/b?", "postgres://a/b?sslmode=require&host=c"] {
            assert_eq!(check(url), Ok(()), "{url}");
        }
        for url in ["postgres://a/b?sslmod=require", "postgres://a/b?host=c&sslmod"] {
            assert_eq!(check(url), Err(SqlConfigError::Parameter { name: "sslmod".into() }), "{url}");
        }
    }
}
