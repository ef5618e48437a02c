//! Cookies without a signature.

use session_core::format::{ReadToken, TokenContent, TokenFormat};
use session_core::{Applied, BackendError, BackendErrorKind, SessionError, SessionId};

/// Cookies that hold the bare id of the session, which clients can't guess.
pub(super) struct BareIds;

impl TokenFormat for BareIds {
    fn read(&self, text: &[u8]) -> Option<ReadToken> {
        SessionId::parse(std::str::from_utf8(text).ok()?).map(ReadToken::of_id)
    }

    fn write(&self, content: TokenContent<'_>, _now: u64, out: &mut Vec<u8>) -> Result<(), SessionError> {
        let TokenContent::Id(id) = content else {
            return Err(BackendError::new(BackendErrorKind::Other, Applied::No).into());
        };
        out.extend(id.as_str().as_bytes());
        Ok(())
    }
}
