//! The comparison of JSON values as texts.

use super::scan::{bare, expect, is_white_space, string, white_space};

/// Returns `true` if two values are the same JSON text, apart from white space between tokens and the order of keys in
/// objects.
///
/// Numbers, strings and keys compare as they are written: `1` is not `1.0`, and `"a"` is not `"\u0061"`. If an object
/// has a key several times, the occurrences compare in their order.
pub(crate) fn same_json(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    let flexible = |text: &str| text.bytes().any(|byte| byte == b'{' || is_white_space(byte));
    // The weight differs for nearly all values that differ, and is much cheaper than the comparison.
    (flexible(one) || flexible(other))
        && weight(one) == weight(other)
        && nodes(one).zip(nodes(other)).is_some_and(|(one, other)| same_nodes(&one, &other))
}

/// Returns the number and the sum of a text's bytes other than white space. Neither depends on the order of keys.
fn weight(text: &str) -> (usize, usize) {
    let bytes = text.bytes().filter(|&byte| !is_white_space(byte));
    bytes.fold((0, 0), |(count, sum), byte| (count + 1, sum + usize::from(byte)))
}

/// A value in a list of nodes. The nodes of its elements or members follow it.
struct Node<'a> {
    /// The key of a member of an object, with its quotes. Empty for all other values.
    key: &'a [u8],
    /// The text of a string, number or word, and the opening bracket of an array or object.
    text: &'a [u8],
    /// The number of nodes of the value, itself included.
    size: usize,
}

/// Returns the nodes of a value, or `None` if its text is not JSON.
///
/// It does not recurse, because a store may hold values of any depth.
fn nodes(text: &str) -> Option<Vec<Node<'_>>> {
    let mut nodes: Vec<Node<'_>> = Vec::new();
    // The arrays and objects around `rest`.
    let mut open: Vec<usize> = Vec::new();
    let mut rest = white_space(text.as_bytes());
    let mut ended = false;
    loop {
        match rest {
            [] if ended && open.is_empty() => return Some(nodes),
            [b',', behind @ ..] if ended && !open.is_empty() => (rest, ended) = (behind, false),
            [b']' | b'}', behind @ ..] => {
                let at = open.pop()?;
                nodes[at].size = nodes.len() - at;
                if !ended && nodes[at].size > 1 {
                    return None;
                }
                (rest, ended) = (behind, true);
            }
            _ if ended => return None,
            _ => {
                let mut key: &[u8] = &[];
                if open.last().is_some_and(|&at| nodes[at].text == b"{") {
                    let (behind, _) = string(expect(b'"', rest).ok()?).ok()?;
                    key = up_to(behind, rest);
                    rest = white_space(expect(b':', white_space(behind)).ok()?);
                }
                let behind = match rest {
                    [b'[' | b'{', behind @ ..] => {
                        open.push(nodes.len());
                        behind
                    }
                    [b'"', behind @ ..] => string(behind).ok()?.0,
                    _ => bare(rest).ok()?,
                };
                ended = !matches!(rest, [b'[' | b'{', ..]);
                nodes.push(Node { key, text: up_to(behind, rest), size: 1 });
                rest = behind;
            }
        }
        rest = white_space(rest);
    }
}

/// Returns the part of a text before its rest.
fn up_to<'a>(rest: &[u8], text: &'a [u8]) -> &'a [u8] {
    &text[..text.len() - rest.len()]
}

fn same_nodes(one: &[Node<'_>], other: &[Node<'_>]) -> bool {
    let mut pairs = vec![(0, 0)];
    while let Some((at, other_at)) = pairs.pop() {
        let (node, counterpart) = (&one[at], &other[other_at]);
        // Equal sizes also mean equally many parts, because the sizes of a value's parts add up to its own.
        if (node.key, node.text, node.size) != (counterpart.key, counterpart.text, counterpart.size) {
            return false;
        }
        pairs.extend(parts(one, at).into_iter().zip(parts(other, other_at)));
    }
    true
}

/// Returns the positions of the parts: the elements of an array in order, the members of an object by key.
fn parts(nodes: &[Node<'_>], at: usize) -> Vec<usize> {
    let end = at + nodes[at].size;
    let mut parts: Vec<usize> = Vec::new();
    let mut next = at + 1;
    while next < end {
        parts.push(next);
        next += nodes[next].size;
    }
    // The sort must be stable, to keep the order of elements, which have no keys.
    parts.sort_by_key(|&part| nodes[part].key);
    parts
}
