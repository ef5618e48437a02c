//! The rules for texts and lifetimes of a configuration.

use std::time::Duration;

use super::error::ConfigError;

/// The longest time for which browsers keep a cookie (RFC 6265bis, section 5.5).
const LONGEST_LIFETIME: Duration = Duration::from_secs(400 * 24 * 3600);

/// Returns a lifetime in whole seconds, rounded up.
pub(super) fn lifetime(parameter: &'static str, given: Duration) -> Result<u64, ConfigError> {
    if given < Duration::from_secs(1) || given > LONGEST_LIFETIME {
        return Err(ConfigError::Lifetime { parameter, given });
    }
    Ok(given.as_secs() + u64::from(given.subsec_nanos() > 0))
}

/// Returns `true` for a token (RFC 9110, section 5.6.2).
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Returns `true` for a host name (RFC 1123, section 2.1). Tolerates a leading dot, as browsers do.
pub(super) fn is_host_name(text: &str) -> bool {
    let name = text.strip_prefix('.').unwrap_or(text);
    let is_label = |label: &str| {
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// Returns `true` for a path that is allowed in a `Path` attribute (RFC 6265, section 4.1.1), and short enough for
/// browsers (RFC 6265bis, section 5.6).
pub(super) fn is_cookie_path(text: &str) -> bool {
    text.starts_with('/')
        && text.len() <= 1024
        && text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b';')
        && !text.ends_with(' ')
}

/// Returns `true` if every store accepts the text as the start of a key.
pub(super) fn is_key_prefix(text: &str) -> bool {
    text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_are_told_from_other_texts() {
        for good in ["example.com", ".example.com", "localhost", "a-b.c1", "127.0.0.1"] {
            assert!(is_host_name(good), "{good}");
        }
        for bad in ["", ".", "a..b", "-a", "a-", "a b", "a;b", "a\r\nb", "é.com", "a/b", &"a".repeat(64)] {
            assert!(!is_host_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn cookie_paths_are_told_from_other_texts() {
        for good in ["/", "/app", "/a b/c"] {
            assert!(is_cookie_path(good), "{good}");
        }
        for bad in ["", "app", "/a;b", "/a\n", "/é", "/a ", &format!("/{}", "a".repeat(1024))] {
            assert!(!is_cookie_path(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_lifetime_is_rounded_up_to_whole_seconds() {
        assert_eq!(lifetime("max_age", Duration::from_millis(1500)), Ok(2));
        assert_eq!(lifetime("max_age", LONGEST_LIFETIME), Ok(400 * 24 * 3600));
        assert!(lifetime("max_age", Duration::from_millis(999)).is_err());
        assert!(lifetime("max_age", LONGEST_LIFETIME + Duration::from_secs(1)).is_err());
    }
}
