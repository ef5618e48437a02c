//! The data of a pickle, before it is written as JSON.

use std::fmt::Write;

use super::integer::push_decimal;

/// A value. Its parts are other nodes of the tree.
pub(super) enum Node<'a> {
    Null,
    Bool(bool),
    Int(i32),
    /// A little-endian two's complement.
    Long(&'a [u8]),
    Float(f64),
    Text(&'a str),
    List(Vec<usize>),
    Dict(Vec<(&'a str, usize)>),
}

/// Writes the JSON text of the node at `root`, without recursion. It ends, because no container is part of two others.
pub(super) fn to_json(nodes: &[Node<'_>], root: usize) -> String {
    let mut out = String::new();
    // The open containers, each with the number of its parts that are written.
    let mut open: Vec<(&Node<'_>, usize)> = Vec::new();
    let mut next = Some(root);
    loop {
        match next.take().map(|at| &nodes[at]) {
            Some(container @ (Node::List(_) | Node::Dict(_))) => {
                out.push(if matches!(container, Node::List(_)) { '[' } else { '{' });
                open.push((container, 0));
            }
            Some(scalar) => push_scalar(scalar, &mut out),
            None => {}
        }
        let Some((container, written)) = open.last_mut() else { return out };
        let (key, part, end) = match container {
            Node::Dict(parts) => {
                let part = parts.get(*written);
                (part.map(|(key, _)| *key), part.map(|(_, value)| *value), '}')
            }
            Node::List(parts) => (None, parts.get(*written).copied(), ']'),
            _ => return out,
        };
        next = part;
        if next.is_none() {
            out.push(end);
            open.pop();
            continue;
        }
        if *written > 0 {
            out.push(',');
        }
        *written += 1;
        if let Some(key) = key {
            push_text(key, &mut out);
            out.push(':');
        }
    }
}

fn push_scalar(node: &Node<'_>, out: &mut String) {
    // Writing to a text does not fail.
    let _ = match node {
        Node::Bool(value) => write!(out, "{value}"),
        Node::Int(value) => write!(out, "{value}"),
        // With a point or an exponent, so that it is written as a float again.
        Node::Float(value) => {
            out.push_str(&serde_json::to_string(value).unwrap_or_default());
            Ok(())
        }
        Node::Long(bytes) => {
            push_decimal(bytes, out);
            Ok(())
        }
        Node::Text(text) => {
            push_text(text, out);
            Ok(())
        }
        Node::Null | Node::List(_) | Node::Dict(_) => out.write_str("null"),
    };
}

fn push_text(text: &str, out: &mut String) {
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}
