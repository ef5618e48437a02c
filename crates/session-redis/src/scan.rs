//! Scans all keys, for tools: `SCAN` on each server.
//!
//! A session whose slot moves to another server may be missed or found twice.

use std::sync::Arc;

use fred::bytes::Bytes;
use fred::types::Value;
use futures_util::future::try_join_all;
use session_core::{Applied, BackendErrorKind, IndexedSession, ScanCursor, ScanPage};

use crate::command::Command;
use crate::error::CallError;
use crate::node::Node;
use crate::reply::{bytes, unexpected};
use crate::script::FIND;
use crate::store::Store;
use crate::user_index::Found;

/// The cursor before the first step of a server, and after the last one.
const END: &[u8] = b"0";

impl Store {
    /// Returns the number of keys of all servers that begin with a prefix and hold a string, as sessions do.
    pub(crate) async fn count(&self, prefix: &str) -> Result<u64, CallError> {
        let (pattern, mut count) = (pattern(prefix), 0);
        for node in self.servers.each().await? {
            let mut cursor = Bytes::from_static(END);
            loop {
                let (next, keys) = step(&node, &cursor, &pattern).await?;
                count += keys.len() as u64;
                cursor = next;
                if *cursor == *END {
                    break;
                }
            }
        }
        Ok(count)
    }

    /// Returns the sessions of one step. A cursor is the place of a server, a dot, and the server's own cursor.
    pub(crate) async fn page(&self, prefix: &str, after: Option<&ScanCursor>) -> Result<ScanPage, CallError> {
        let (place, cursor) = match after {
            None => (0, END.to_vec()),
            Some(after) => parse(after).ok_or_else(|| {
                let reason = "the scan cursor was not made by this store";
                CallError::new(BackendErrorKind::Other, Applied::No, reason)
            })?,
        };
        let servers = self.servers.each().await?;
        // A server has left the Cluster during the scan.
        let Some(node) = servers.get(place) else { return Ok(ScanPage::new(Vec::new(), None)) };
        let (next, keys) = step(node, &cursor.into(), &pattern(prefix)).await?;
        let found = if keys.is_empty() { Vec::new() } else { self.read(&keys).await? };
        let entries = keys.iter().zip(found).filter_map(|(key, (stored, rest))| {
            // The session has ended since the step.
            if stored.is_none() && rest.is_zero() {
                return None;
            }
            Some(IndexedSession::new(std::str::from_utf8(key).ok()?, stored).expiring_in(rest))
        });
        let next = if *next == *END {
            Some(place + 1).filter(|place| *place < servers.len()).map(|place| format!("{place}.0"))
        } else {
            Some(format!("{place}.{}", std::str::from_utf8(&next).map_err(|_| unexpected())?))
        };
        Ok(ScanPage::new(entries.collect(), next.map(ScanCursor::new)))
    }

    /// Reads sessions, and their remaining TTLs.
    pub(crate) async fn read(&self, keys: &[Bytes]) -> Result<Vec<Found>, CallError> {
        if !self.servers.is_clustered() {
            return self.found(self.servers.run(&FIND, keys, &[]).await?);
        }
        let each = keys.iter().map(|key| self.servers.run(&FIND, std::slice::from_ref(key), &[]));
        let found = try_join_all(each).await?.into_iter().map(|reply| self.found(reply));
        Ok(found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }
}

/// Returns the next cursor of a server, and keys that match a pattern and hold a string.
async fn step(node: &Arc<Node>, cursor: &Bytes, pattern: &Bytes) -> Result<(Bytes, Vec<Bytes>), CallError> {
    let reply = node.boxed_call(Command::Scan { cursor, pattern }, node.deadline()).await?;
    let Value::Array(reply) = reply else { return Err(unexpected()) };
    let Ok([next, Value::Array(keys)]) = <[Value; 2]>::try_from(reply) else { return Err(unexpected()) };
    let keys = keys.into_iter().map(|key| bytes(key)?.ok_or_else(unexpected)).collect::<Result<_, _>>()?;
    Ok((bytes(next)?.ok_or_else(unexpected)?, keys))
}

fn parse(cursor: &ScanCursor) -> Option<(usize, Vec<u8>)> {
    let (place, cursor) = cursor.as_str().split_once('.')?;
    let is_number = !cursor.is_empty() && cursor.bytes().all(|byte| byte.is_ascii_digit());
    Some((place.parse().ok()?, cursor.as_bytes().to_vec())).filter(|_| is_number)
}

/// Returns the pattern of keys that begin with a text.
fn pattern(prefix: &str) -> Bytes {
    let mut pattern = String::new();
    for character in prefix.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\' | '^') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('*');
    pattern.into()
}
