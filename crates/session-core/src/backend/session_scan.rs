//! The scan over all sessions of a store.

use std::fmt;

use super::reply::StoreFuture;
use super::user_index::IndexedSession;

/// A scan over all sessions of a store, page by page, which an [`AtomicBackend`](crate::AtomicBackend) may offer.
///
/// It is meant for tools, because a scan takes time proportional to the number of all keys in the store. No request
/// needs it.
///
/// # Rules for authors
///
/// - A session that lives under one key during the whole scan is in at least one page, and may be in two.
/// - A session that is created, renewed or removed during the scan may be missing.
/// - A session that expired or was removed before the scan is in no page, and neither is a marker.
/// - A page may be empty and still have a cursor. The scan of a store to which no program writes must end.
pub trait SessionScan: Send + Sync {
    /// Returns the page after a cursor, or the first one: sessions whose key begins with a prefix, in any order.
    ///
    /// A key that consists of the prefix alone is left out.
    ///
    /// # Errors
    ///
    /// [`BackendErrorKind::Other`](crate::BackendErrorKind::Other) if the store can't scan or did not make the cursor, another
    /// kind if it can't answer. An unreadable session is no error: its entry has no stored session.
    fn page<'a>(&'a self, key_prefix: &'a str, after: Option<&'a ScanCursor>) -> StoreFuture<'a, ScanPage>;
}

/// A page of a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScanPage<T = IndexedSession> {
    /// The sessions of this page.
    pub sessions: Vec<T>,
    /// The place where the next page begins; `None` after the last page.
    pub next: Option<ScanCursor>,
}

/// A place between two pages of a scan, made and read by the store alone.
#[derive(Clone, PartialEq, Eq)]
pub struct ScanCursor(Box<str>);

impl<T> ScanPage<T> {
    /// Makes a page.
    #[must_use]
    pub fn new(sessions: Vec<T>, next: Option<ScanCursor>) -> Self {
        Self { sessions, next }
    }
}

impl ScanCursor {
    /// Makes a cursor from a text that the store can read.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Returns the text. It may be the key of a session: don't log it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Prints no text: it may be the key of a session, which is as good as its cookie.
impl fmt::Debug for ScanCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScanCursor(..)")
    }
}
