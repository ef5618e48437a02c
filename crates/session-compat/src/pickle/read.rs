//! Reads a pickle: a list of the operations that plain data needs, and nothing else. It runs no code, and allocates in
//! proportion to the data.

use super::error::{PickleError, Problem};
use super::tree::{Node, to_json};

/// The longest pickle. Backends limit what they read as well.
const MAX_BYTES: usize = 8 << 20;

/// The deepest nesting: a session's values may be nested as deep as [`SessionMap`](session_core::SessionMap) reads them.
const MAX_DEPTH: u8 = session_core::SessionMap::MAX_DEPTH as u8 + 1;

/// The largest number of values.
const MAX_NODES: usize = 250_000;

/// The largest number of bytes of all texts. A text that occurs again takes two bytes of a pickle.
const MAX_TEXT: usize = 8 << 20;

/// Reads the JSON text of a pickled dict.
///
/// # Errors
///
/// [`PickleError`] if the pickle is damaged or too large, or has an operation that could run code or a value that JSON
/// can't represent exactly.
pub(crate) fn read(bytes: &[u8]) -> Result<String, PickleError> {
    let mut reader = Reader {
        bytes,
        at: 0,
        nodes: Vec::new(),
        depths: Vec::new(),
        stack: Vec::new(),
        marks: 0,
        memo: Vec::new(),
        text: 0,
    };
    let outcome = if bytes.len() > MAX_BYTES { Err(Problem::Limit("8 MiB")) } else { reader.run() };
    outcome.map(|root| to_json(&reader.nodes, root)).map_err(|problem| {
        let key = if matches!(problem, Problem::Type(_)) { reader.key() } else { None };
        PickleError { problem, offset: reader.at, key }
    })
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node<'a>>,
    /// The number of levels of each node.
    depths: Vec<u8>,
    stack: Vec<Item>,
    /// The number of marks on the stack.
    marks: usize,
    /// The nodes that later operations may refer to.
    memo: Vec<usize>,
    text: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Item {
    Mark,
    Node(usize),
}

impl<'a> Reader<'a> {
    /// Runs the operations. Returns the top-level dict.
    fn run(&mut self) -> Result<usize, Problem> {
        if !matches!(self.take(2), Ok([0x80, 2..=5])) {
            return Err(Problem::Protocol);
        }
        loop {
            let [operation] = self.array()?;
            match operation {
                b'.' => return self.stop(),
                // FRAME
                0x95 => {
                    let frame = u64::from_le_bytes(self.array()?);
                    if usize::try_from(frame).map_or(true, |frame| frame > self.bytes.len() - self.at) {
                        return Err(Problem::Truncated);
                    }
                }
                b'N' => self.push(Node::Null)?,
                0x88 => self.push(Node::Bool(true))?,
                0x89 => self.push(Node::Bool(false))?,
                b'K' => {
                    let [value] = self.array()?;
                    self.push(Node::Int(value.into()))?;
                }
                b'M' => {
                    let value = u16::from_le_bytes(self.array()?);
                    self.push(Node::Int(value.into()))?;
                }
                b'J' => {
                    let value = i32::from_le_bytes(self.array()?);
                    self.push(Node::Int(value))?;
                }
                // LONG1
                0x8a => {
                    let [len] = self.array()?;
                    let bytes = self.take(len.into())?;
                    self.push(Node::Long(bytes))?;
                }
                b'G' => {
                    let value = f64::from_be_bytes(self.array()?);
                    if !value.is_finite() {
                        return Err(Problem::Type("float (NaN or infinity)"));
                    }
                    self.push(Node::Float(value))?;
                }
                // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8
                0x8c => {
                    let [len] = self.array()?;
                    self.push_text(len.into())?;
                }
                b'X' => {
                    let len = u32::from_le_bytes(self.array()?);
                    self.push_text(len.into())?;
                }
                0x8d => {
                    let len = u64::from_le_bytes(self.array()?);
                    self.push_text(len)?;
                }
                b'}' => self.push(Node::Dict(Vec::new()))?,
                b']' => self.push(Node::List(Vec::new()))?,
                b'(' => self.push_item(Item::Mark)?,
                b's' => {
                    let start = self.stack.len().checked_sub(2).ok_or(Problem::Malformed)?;
                    self.set_items(start, start)?;
                }
                b'u' => {
                    let mark = self.mark()?;
                    self.set_items(mark + 1, mark)?;
                }
                b'a' => {
                    let start = self.stack.len().checked_sub(1).ok_or(Problem::Malformed)?;
                    self.append(start, start)?;
                }
                b'e' => {
                    let mark = self.mark()?;
                    self.append(mark + 1, mark)?;
                }
                // MEMOIZE, BINPUT, LONG_BINPUT
                0x94 => self.memoize(None)?,
                b'q' => {
                    let [number] = self.array()?;
                    self.memoize(Some(number.into()))?;
                }
                b'r' => {
                    let number = u32::from_le_bytes(self.array()?);
                    self.memoize(Some(number))?;
                }
                // BINGET, LONG_BINGET
                b'h' => {
                    let [number] = self.array()?;
                    self.get(number.into())?;
                }
                b'j' => {
                    let number = u32::from_le_bytes(self.array()?);
                    self.get(number)?;
                }
                other => return Err(self.refusal(other)),
            }
        }
    }

    fn stop(&mut self) -> Result<usize, Problem> {
        if self.at < self.bytes.len() {
            return Err(Problem::Trailing);
        }
        match self.stack[..] {
            [Item::Node(root)] if matches!(self.nodes[root], Node::Dict(_)) => Ok(root),
            [Item::Node(_)] => Err(Problem::Shape("a dict")),
            _ => Err(Problem::Malformed),
        }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Problem> {
        let taken = self.bytes[self.at..].get(..len).ok_or(Problem::Truncated)?;
        self.at += len;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Problem> {
        self.take(N)?.try_into().map_err(|_| Problem::Truncated)
    }

    fn push_item(&mut self, item: Item) -> Result<(), Problem> {
        // Each mark opens a level. Without one, each level has one value, or a key and a value.
        self.marks += usize::from(item == Item::Mark);
        if self.marks > MAX_DEPTH.into() || (self.marks == 0 && self.stack.len() > 2 * usize::from(MAX_DEPTH)) {
            return Err(Problem::Limit("128 levels"));
        }
        self.stack.push(item);
        Ok(())
    }

    fn push(&mut self, node: Node<'a>) -> Result<(), Problem> {
        if self.nodes.len() >= MAX_NODES {
            return Err(Problem::Limit("250,000 values"));
        }
        if let Node::Text(text) = node {
            self.text += text.len();
            if self.text > MAX_TEXT {
                return Err(Problem::Limit("8 MiB of text"));
            }
        }
        self.depths.push(u8::from(matches!(node, Node::List(_) | Node::Dict(_))));
        self.nodes.push(node);
        self.push_item(Item::Node(self.nodes.len() - 1))
    }

    fn push_text(&mut self, len: u64) -> Result<(), Problem> {
        let bytes = self.take(usize::try_from(len).map_err(|_| Problem::Truncated)?)?;
        // Python encodes lone surrogates like characters.
        let text = std::str::from_utf8(bytes).map_err(|_| Problem::Type("str with lone surrogates"))?;
        self.push(Node::Text(text))
    }

    /// Returns the position of the last mark, which is about to be dropped.
    fn mark(&mut self) -> Result<usize, Problem> {
        let at = self.stack.iter().rposition(|item| *item == Item::Mark).ok_or(Problem::Malformed)?;
        self.marks -= 1;
        Ok(at)
    }

    /// Moves the keys and values from `start` on into the dict below `end`, and drops the rest from `end` on.
    fn set_items(&mut self, start: usize, end: usize) -> Result<(), Problem> {
        let mut entries = Vec::with_capacity((self.stack.len() - start) / 2);
        let (pairs, []) = self.stack[start..].as_chunks() else { return Err(Problem::Malformed) };
        for pair in pairs {
            let [Item::Node(key), Item::Node(value)] = *pair else { return Err(Problem::Malformed) };
            match self.nodes[key] {
                Node::Text(key) => entries.push((key, value)),
                _ => return Err(Problem::Type("dict with keys other than str")),
            }
        }
        let values = entries.iter().map(|(_, value)| *value);
        let deepest = values.map(|value| self.depths[value]).max().unwrap_or_default();
        match self.container(end, deepest)? {
            Node::Dict(dict) => dict.extend(entries),
            _ => return Err(Problem::Malformed),
        }
        self.stack.truncate(end);
        Ok(())
    }

    /// Moves the values from `start` on into the list below `end`, and drops the rest from `end` on.
    fn append(&mut self, start: usize, end: usize) -> Result<(), Problem> {
        let mut values = Vec::with_capacity(self.stack.len() - start);
        for item in &self.stack[start..] {
            let Item::Node(value) = *item else { return Err(Problem::Malformed) };
            values.push(value);
        }
        let deepest = values.iter().map(|&value| self.depths[value]).max().unwrap_or_default();
        match self.container(end, deepest)? {
            Node::List(list) => list.extend(values),
            _ => return Err(Problem::Malformed),
        }
        self.stack.truncate(end);
        Ok(())
    }

    /// Returns the container below the position `above`, for parts of up to `deepest` levels.
    fn container(&mut self, above: usize, deepest: u8) -> Result<&mut Node<'a>, Problem> {
        let Some(Item::Node(at)) = above.checked_sub(1).map(|at| self.stack[at]) else {
            return Err(Problem::Malformed);
        };
        if deepest >= MAX_DEPTH {
            return Err(Problem::Limit("128 levels"));
        }
        self.depths[at] = self.depths[at].max(deepest + 1);
        Ok(&mut self.nodes[at])
    }

    /// Gives the next number to the value on top of the stack. Python leaves no gaps.
    fn memoize(&mut self, number: Option<u32>) -> Result<(), Problem> {
        let Some(Item::Node(node)) = self.stack.last() else { return Err(Problem::Malformed) };
        if number.is_some_and(|number| number as usize != self.memo.len()) || self.memo.len() >= MAX_NODES {
            return Err(Problem::Malformed);
        }
        self.memo.push(*node);
        Ok(())
    }

    /// Pushes a numbered text again. Refuses a container, which would then be in two places, or in itself.
    fn get(&mut self, number: u32) -> Result<(), Problem> {
        let node = *self.memo.get(number as usize).ok_or(Problem::Malformed)?;
        match self.nodes[node] {
            Node::Text(text) => self.push(Node::Text(text)),
            _ => Err(Problem::Alias),
        }
    }

    /// Returns the problem of a refused operation, which names what it would have made, and drops its operands.
    fn refusal(&mut self, operation: u8) -> Problem {
        let above = match operation {
            // TUPLE, TUPLE1 to TUPLE3, STACK_GLOBAL
            b't' => self.mark().unwrap_or_default(),
            0x85..=0x87 => self.stack.len().saturating_sub(usize::from(operation - 0x84)),
            0x93 => self.stack.len().saturating_sub(2),
            _ => self.stack.len(),
        };
        let operands = self.stack.split_off(above);
        match operation {
            b'C' | b'B' | 0x8e => Problem::Type("bytes"),
            0x96 => Problem::Type("bytearray"),
            0x8f => Problem::Type("set"),
            0x91 => Problem::Type("frozenset"),
            b')' | b't' | 0x85..=0x87 => Problem::Type("tuple"),
            0x8b => Problem::Limit("255 bytes of an int"),
            // GLOBAL and STACK_GLOBAL name a class.
            b'c' => {
                let mut lines = self.bytes[self.at..].split(|&byte| byte == b'\n');
                class(lines.next().unwrap_or_default(), lines.next().unwrap_or_default())
            }
            0x93 => match operands[..] {
                [Item::Node(module), Item::Node(name)] => match (&self.nodes[module], &self.nodes[name]) {
                    (Node::Text(module), Node::Text(name)) => class(module.as_bytes(), name.as_bytes()),
                    _ => Problem::Malformed,
                },
                _ => Problem::Malformed,
            },
            _ => Problem::Operation,
        }
    }

    /// Returns the session's key whose value was being read. Returns `None` if a text on the stack may be data instead.
    fn key(&self) -> Option<String> {
        let marked = matches!(self.stack.get(1), Some(Item::Mark));
        let mut rest = self.stack.get(1 + usize::from(marked)..)?;
        loop {
            let (Item::Node(key), after) = rest.split_first()? else { return None };
            let Node::Text(key) = self.nodes[*key] else { return None };
            let is_last = match after {
                [] | [_] => true,
                _ if !marked => true,
                [Item::Node(value), Item::Mark, ..] => matches!(self.nodes[*value], Node::Dict(_) | Node::List(_)),
                _ => false,
            };
            if is_last {
                return matches!(self.nodes.first(), Some(Node::Dict(_))).then(|| key.to_owned());
            }
            let Some(Item::Node(value)) = after.first() else { return None };
            match &self.nodes[*value] {
                Node::List(parts) if parts.is_empty() => return None,
                Node::Dict(parts) if parts.is_empty() => return None,
                _ => rest = &after[1..],
            }
        }
    }
}

/// Names a class that Python services often keep in sessions. No other class is named, because an attacker may have
/// chosen the name.
fn class(module: &[u8], name: &[u8]) -> Problem {
    match (module, name) {
        (b"datetime", b"datetime") => Problem::Type("datetime.datetime"),
        (b"datetime", b"date") => Problem::Type("datetime.date"),
        (b"datetime", b"time") => Problem::Type("datetime.time"),
        (b"datetime", b"timedelta") => Problem::Type("datetime.timedelta"),
        (b"decimal", b"Decimal") => Problem::Type("decimal.Decimal"),
        (b"uuid", b"UUID") => Problem::Type("uuid.UUID"),
        (b"collections", b"OrderedDict") => Problem::Type("collections.OrderedDict"),
        (b"builtins" | b"__builtin__", b"set") => Problem::Type("set"),
        (b"_codecs", b"encode") => Problem::Type("bytes"),
        _ => Problem::Operation,
    }
}
