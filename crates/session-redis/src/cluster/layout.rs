//! The layout of a Cluster, as a server reports it.

use std::ops::RangeInclusive;

use fred::types::Value;

use crate::address::Address;

/// The owners of all slots, ordered by slot.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) ranges: Vec<(RangeInclusive<u16>, Address)>,
}

impl Layout {
    /// Reads the reply to `CLUSTER SLOTS`. Returns `None` if it is malformed or if no server owns a slot.
    ///
    /// A server that does not know its own name leaves it out. The server that was asked then stands for it.
    pub(crate) fn read(reply: Value, asked: &Address) -> Option<Self> {
        let mut ranges = Vec::new();
        for row in array(reply)? {
            let mut row = array(row)?.into_iter();
            let slots = slot(row.next()?)?..=slot(row.next()?)?;
            let mut primary = array(row.next()?)?.into_iter();
            let host = primary.next()?.into_string().filter(|host| !host.is_empty() && host != "?");
            let port = slot(primary.next()?)?;
            ranges.push((slots, Address::new(host.as_deref().unwrap_or(&asked.host), port)));
        }
        ranges.sort_by_key(|(slots, _)| *slots.start());
        (!ranges.is_empty()).then_some(Self { ranges })
    }

    pub(crate) fn knows(&self, address: &Address) -> bool {
        self.ranges.iter().any(|(_, owner)| owner == address)
    }
}

fn array(reply: Value) -> Option<Vec<Value>> {
    match reply {
        Value::Array(values) => Some(values),
        _ => None,
    }
}

/// Reads a slot or a port. Both are numbers of 16 bits.
fn slot(reply: Value) -> Option<u16> {
    reply.as_i64().and_then(|number| u16::try_from(number).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(start: i64, end: i64, host: Value, port: i64) -> Value {
        let primary = Value::Array(vec![host, Value::Integer(port), Value::from("id")]);
        Value::Array(vec![Value::Integer(start), Value::Integer(end), primary])
    }

    #[test]
    fn the_layout_is_ordered_and_a_nameless_server_is_the_one_asked() {
        let asked = Address::new("10.0.0.1", 7000);
        let rows = vec![row(8192, 16383, Value::from("b"), 7001), row(0, 8191, Value::Null, 7000)];
        let layout = Layout::read(Value::Array(rows), &asked).unwrap();
        assert_eq!(layout.ranges, [(0..=8191, asked.clone()), (8192..=16383, Address::new("b", 7001))]);
        assert!(layout.knows(&asked));
        assert!(!layout.knows(&Address::new("b", 7000)));
    }

    #[test]
    fn a_reply_that_is_no_layout_is_ignored() {
        let asked = Address::new("a", 1);
        assert!(Layout::read(Value::Array(Vec::new()), &asked).is_none());
        assert!(Layout::read(Value::from("OK"), &asked).is_none());
        assert!(Layout::read(Value::Array(vec![row(0, 70_000, Value::from("b"), 1)]), &asked).is_none());
    }
}
