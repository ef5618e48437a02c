//! The names of stored values.

use fred::util::redis_keyslot;

/// Returns the key of a session's marker. It is in the Cluster slot of the session's own key, so that one script may touch
/// both.
///
/// The slot depends on the text between the first `{` and the next `}`, or on the whole key if there are no braces.
pub(crate) fn marker_key(session_key: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity("gone:{}".len() + session_key.len());
    push_marker_key(&mut key, session_key);
    key
}

/// Appends the [key](marker_key) of a session's marker.
pub(crate) fn push_marker_key(out: &mut Vec<u8>, session_key: &str) {
    let [before, after] = if has_hash_tag(session_key) { ["gone:", ""] } else { ["gone:{", "}"] };
    for part in [before, session_key, after] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Returns the Cluster slot of a key.
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
    fn a_marker_is_in_the_slot_of_its_session() {
        for key in ["session:abc", "{app}:abc", "a{b}c{d}:1", "x{y", "5f7c1d1e-8d2b-4b6e-9d3f-0a1b2c3d4e5f"] {
            assert_eq!(slot(&marker_key(key)), slot(key.as_bytes()), "{key}");
            assert_ne!(marker_key(key), key.as_bytes());
        }
    }
}
