//! `value.timestamp.signature`.

use super::{Key, SEPARATOR, SignatureError, Signer};
use crate::encoding::{URL_SAFE, decode_short, encode_short};

/// Signs values together with the time, and refuses values that are too old: `value.timestamp.signature`.
///
/// The timestamp is the time in Unix seconds as a big-endian integer without leading zero bytes, in unpadded base64url.
/// The caller passes the current time in, in Unix seconds.
///
/// ```
/// use session_core::signer::TimestampSigner;
///
/// let signer = TimestampSigner::new("secret");
/// let token = signer.sign("eyJkYXRhIjogInNvbWV0aGluZyJ9", 1_700_000_000);
/// assert_eq!(token, b"eyJkYXRhIjogInNvbWV0aGluZyJ9.ZVPxAA.FdFGnltuWS2hDs3eecuXCwu5b44");
///
/// let unsigned = signer.unsign(&token, Some(60), 1_700_000_060)?;
/// assert_eq!(unsigned.timestamp, 1_700_000_000);
/// assert!(signer.unsign(&token, Some(60), 1_700_000_061).is_err());
/// # Ok::<(), session_core::signer::SignatureError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TimestampSigner {
    signer: Signer,
    clock_skew: u64,
}

/// A value whose signature and age were accepted. Its `Debug` leaves out the value.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsigned<'a> {
    /// The signed value.
    pub value: &'a [u8],
    /// The time of signing, in Unix seconds.
    pub timestamp: u64,
    /// `true` if the signing key made the signature, `false` if an older key of the list did.
    pub by_signing_key: bool,
}

impl std::fmt::Debug for Unsigned<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unsigned")
            .field("timestamp", &self.timestamp)
            .field("by_signing_key", &self.by_signing_key)
            .finish_non_exhaustive()
    }
}

impl TimestampSigner {
    /// Makes a signer with one secret and the defaults of `itsdangerous`; see [`Signer::new`].
    #[must_use]
    pub fn new(key: impl Into<Key>) -> Self {
        Signer::new(key).into()
    }

    /// Accepts timestamps up to `seconds` in the future, for servers whose clocks differ; default 0, as in Python.
    #[must_use]
    pub fn clock_skew(mut self, seconds: u64) -> Self {
        self.clock_skew = seconds;
        self
    }

    /// Signs a value at `now`, in Unix seconds. Returns `value.timestamp.signature`.
    #[must_use]
    pub fn sign(&self, value: impl AsRef<[u8]>, now: u64) -> Vec<u8> {
        let mut stamped = value.as_ref().to_vec();
        stamped.push(SEPARATOR);
        push_timestamp(&mut stamped, now);
        self.signer.sign(stamped)
    }

    /// Returns the value, if its signature verifies and is at most `max_age` seconds old at `now`, in Unix seconds.
    ///
    /// Without `max_age`, timestamps of any age are accepted, even future ones, as in Python.
    ///
    /// # Errors
    ///
    /// The [`SignatureError`] that names the reason: no key made the signature, there is no readable timestamp, or the
    /// timestamp is too old or too far in the future.
    pub fn unsign<'a>(&self, signed: &'a [u8], max_age: Option<u64>, now: u64) -> Result<Unsigned<'a>, SignatureError> {
        let (stamped, by_signing_key) = self.signer.verify(signed)?;
        let end = stamped.iter().rposition(|&byte| byte == SEPARATOR).ok_or(SignatureError::MissingTimestamp)?;
        let (value, timestamp) = (&stamped[..end], &stamped[end + 1..]);
        let timestamp = parse_timestamp(timestamp).ok_or(SignatureError::MalformedTimestamp)?;
        if let Some(max_age) = max_age {
            let ahead = timestamp.saturating_sub(now);
            if ahead > self.clock_skew {
                return Err(SignatureError::FromTheFuture { ahead });
            }
            let age = now.saturating_sub(timestamp);
            if age > max_age {
                return Err(SignatureError::Expired { age, max_age });
            }
        }
        Ok(Unsigned { value, timestamp, by_signing_key })
    }

    pub(crate) fn signer(&self) -> &Signer {
        &self.signer
    }
}

impl From<Signer> for TimestampSigner {
    fn from(signer: Signer) -> Self {
        Self { signer, clock_skew: 0 }
    }
}

/// Appends the text of a time: big-endian without leading zero bytes, in base64url.
pub(crate) fn push_timestamp(out: &mut Vec<u8>, seconds: u64) {
    let mut text = [0; 11];
    let bytes = seconds.to_be_bytes();
    let len = encode_short(&bytes[bytes.len() - byte_len(seconds)..], &mut text);
    out.extend_from_slice(&text[..len]);
}

/// Returns the length of the text that [`push_timestamp`] appends.
pub(crate) fn timestamp_len(seconds: u64) -> usize {
    (byte_len(seconds) * 4).div_ceil(3)
}

fn byte_len(seconds: u64) -> usize {
    size_of::<u64>() - seconds.leading_zeros() as usize / 8
}

fn parse_timestamp(text: &[u8]) -> Option<u64> {
    let mut bytes = [0; size_of::<u64>()];
    let start = bytes.len().checked_sub(text.len() * 3 / 4)?;
    decode_short(text, &URL_SAFE, &mut bytes[start..]).then_some(u64::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_timestamp_comes_back() {
        for seconds in [0, 1, 255, 256, 1_700_000_000, u64::from(u32::MAX), 1 << 32, u64::MAX] {
            let mut text = Vec::new();
            push_timestamp(&mut text, seconds);
            assert_eq!(parse_timestamp(&text), Some(seconds), "{seconds}");
            assert_eq!(timestamp_len(seconds), text.len(), "{seconds}");
        }
    }

    #[test]
    fn a_timestamp_of_more_than_eight_bytes_is_malformed() {
        assert_eq!(parse_timestamp(b"AAAAAAAAAAAAAAA"), None);
        assert_eq!(parse_timestamp(b"!!!"), None);
    }

    #[test]
    fn debug_prints_no_value() {
        let token = TimestampSigner::new("secret").sign("a value", 1_000);
        let unsigned = TimestampSigner::new("secret").unsign(&token, None, 0).unwrap();
        assert_eq!(format!("{unsigned:?}"), "Unsigned { timestamp: 1000, by_signing_key: true, .. }");
    }

    #[test]
    fn clock_skew_admits_the_near_future_only() {
        let signer = TimestampSigner::new("secret").clock_skew(10);
        let token = signer.sign("v", 1_000);
        assert!(signer.unsign(&token, Some(60), 990).is_ok());
        assert_eq!(signer.unsign(&token, Some(60), 989), Err(SignatureError::FromTheFuture { ahead: 11 }));
    }
}
