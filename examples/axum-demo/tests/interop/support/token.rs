//! The value of a session's cookie, taken apart and put together: `payload.timestamp.signature`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use session_core::signer::{Signer, TimestampSigner};

use super::SECRET;

/// A cookie's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// In base64.
    pub(crate) payload: String,
    pub(crate) timestamp: String,
    pub(crate) signature: String,
}

impl Token {
    /// Signs a payload, which need not be a session, with the shared secret.
    pub(crate) fn signed(payload: impl AsRef<[u8]>, now: u64) -> Self {
        Self::parse(&sign_value(STANDARD.encode(payload), now))
    }

    pub(crate) fn parse(cookie: &str) -> Self {
        match *cookie.split('.').collect::<Vec<_>>() {
            [payload, timestamp, signature] => {
                Self { payload: payload.into(), timestamp: timestamp.into(), signature: signature.into() }
            }
            _ => panic!("not a token: {cookie:?}"),
        }
    }

    /// The payload, which is JSON text in all tokens that a server made.
    pub(crate) fn json(&self) -> String {
        let payload = STANDARD.decode(&self.payload).expect("the payload is standard base64");
        String::from_utf8(payload).expect("the payload is text")
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.payload, self.timestamp, self.signature)
    }
}

/// Signs any bytes, which need not be base64, with the shared secret.
pub(crate) fn sign_value(value: impl AsRef<[u8]>, now: u64) -> String {
    text(TimestampSigner::new(SECRET).sign(value, now))
}

/// Signs a payload together with any text in place of the timestamp.
pub(crate) fn sign_timestamp(payload: impl AsRef<[u8]>, timestamp: &str) -> String {
    text(Signer::new(SECRET).sign(format!("{}.{timestamp}", STANDARD.encode(payload))))
}

fn text(token: Vec<u8>) -> String {
    String::from_utf8(token).expect("what tests sign is text")
}
