//! The names that things have in the store.

use fred::util::redis_keyslot;

/// Where the marker of a session is kept: a key in the Cluster slot of the session's own, so that one script may touch
/// both.
///
/// A slot is that of the text between the first `{` and the next `}`, or of the whole key if there is none.
pub(crate) fn marker_key(session_key: &str) -> String {
    if has_hash_tag(session_key) { ["gone:", session_key].concat() } else { ["gone:{", session_key, "}"].concat() }
}

/// The Cluster slot of a key.
pub(crate) fn slot(key: &[u8]) -> u16 {
    redis_keyslot(key)
}

fn has_hash_tag(key: &str) -> bool {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    tag.is_some_and(|(tag, _)| !tag.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_lives_in_the_slot_of_its_session() {
        for key in ["session:abc", "{app}:abc", "a{b}c{d}:1", "x{y", "5f7c1d1e-8d2b-4b6e-9d3f-0a1b2c3d4e5f"] {
            assert_eq!(slot(marker_key(key).as_bytes()), slot(key.as_bytes()), "{key}");
            assert_ne!(marker_key(key), key);
        }
    }
}
