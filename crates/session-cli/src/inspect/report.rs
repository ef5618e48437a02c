//! The answer to the operator, as text or as JSON.

use std::io;
use std::time::{Duration, UNIX_EPOCH};

use serde::Serialize;
use serde_json::value::RawValue;
use session_core::{SessionId, SessionMap};

use crate::duration::short;
use crate::say;

/// The reasons why a service refuses a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Cause {
    BadBase64,
    BadId,
    BadJson,
    Cut,
    #[cfg(feature = "store")]
    Destroyed,
    Empty,
    EncodedTwice,
    Expired,
    FromTheFuture,
    MalformedTimestamp,
    MoreText,
    NoKey,
    NoTimestamp,
    NotAnObject,
    OtherDerivation,
    OtherDigest,
    OtherFormOfKey,
    OtherFormat,
    OtherMode,
    OtherName,
    OtherSalt,
    PlusAsSpace,
    Quoted,
    Removed,
    #[cfg(feature = "store")]
    Renewed,
    #[cfg(feature = "store")]
    StoreFailed,
    TimestampOfOldItsdangerous,
    TooLong,
    TwoValues,
    UnknownFormat,
    #[cfg(feature = "store")]
    UnknownId,
    #[cfg(feature = "store")]
    Unreadable,
    WhiteSpace,
    WrongKey,
}

/// A cause, with a sentence and advice.
#[derive(Debug, Serialize)]
pub(super) struct Refusal {
    pub(super) cause: Cause,
    pub(super) why: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
}

impl Refusal {
    pub(super) fn new(cause: Cause, why: String) -> Self {
        Self { cause, why, advice: None }
    }

    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

/// The content of a token.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Id(String),
    Session(SessionMap),
}

#[derive(Serialize)]
pub(super) struct Report {
    pub(super) accepted: bool,
    #[serde(flatten)]
    pub(super) refusal: Option<Refusal>,
    /// `unknown` if the text has no known format.
    pub(super) format: String,
    /// The number of the key, counted from 1.
    pub(super) verified_by_key: Option<usize>,
    /// In Unix seconds.
    pub(super) issued: Option<u64>,
    /// In Unix seconds.
    pub(super) expires: Option<u64>,
    /// The fingerprint of a stored session's id, as in the log.
    pub(super) session: Option<String>,
    pub(super) id: Option<String>,
    pub(super) payload: Option<Box<RawValue>>,
    pub(super) notes: Vec<&'static str>,
    /// The id of a stored session, which is not printed.
    #[serde(skip)]
    pub(super) id_in_token: Option<String>,
    #[serde(skip)]
    pub(super) data: Option<SessionMap>,
}

impl Report {
    pub(super) fn new(format: &str) -> Self {
        Self {
            accepted: false,
            refusal: None,
            format: format.to_owned(),
            verified_by_key: None,
            issued: None,
            expires: None,
            session: None,
            id: None,
            payload: None,
            notes: Vec::new(),
            id_in_token: None,
            data: None,
        }
    }

    pub(super) fn refused(format: &str, refusal: Refusal) -> Self {
        Self { refusal: Some(refusal), ..Self::new(format) }
    }

    /// Adds the content of the token. An id is masked unless `show_ids` is set.
    pub(super) fn add_content(&mut self, content: &Content, show_ids: bool) {
        match content {
            Content::Id(id) => {
                self.session = SessionId::parse_foreign(id.as_bytes()).map(|id| id.fingerprint());
                self.id = show_ids.then(|| id.clone());
                self.id_in_token = Some(id.clone());
            }
            Content::Session(map) => {
                let text = map.as_json();
                // Python writes NaN, which is not JSON.
                let as_text = || serde_json::value::to_raw_value(&text);
                self.payload = RawValue::from_string(text.clone().into_owned()).or_else(|_| as_text()).ok();
                self.data = Some(map.clone());
            }
        }
    }

    pub(super) fn print(&self, now: u64) -> io::Result<()> {
        match &self.refusal {
            None => say!("Accepted.")?,
            Some(refusal) if refusal.cause == Cause::NoKey => say!("Not verified: {}.", refusal.why)?,
            Some(refusal) => say!("Refused: {}.", refusal.why)?,
        }
        if let Some(advice) = self.refusal.as_ref().and_then(|refusal| refusal.advice.as_ref()) {
            say!("What to do: {advice}")?;
        }
        say!("Format: {}", self.format)?;
        match self.verified_by_key {
            Some(1) => say!("Verified by key 1, which signs.")?,
            Some(number) => {
                say!("Verified by key {number}. Once the session is used, the service sends a cookie signed by key 1.")?
            }
            None => {}
        }
        if let Some(issued) = self.issued {
            say!("Issued:  {} ({})", date(issued), relative(issued, now))?;
        }
        if let Some(expires) = self.expires {
            say!("Expires: {} ({})", date(expires), relative(expires, now))?;
        }
        if let Some(session) = &self.session {
            say!("Holds the id of a stored session: fingerprint {session}, as in the log.")?;
        }
        if let Some(id) = &self.id {
            say!("Id: {id}")?;
        }
        if let Some(data) = &self.data {
            say!("{}:", if self.verified_by_key.is_some() { "Payload" } else { "Payload, not verified" })?;
            for key in data.keys() {
                say!("  {}: {}", serde_json::Value::from(&*key), data.raw_json(&key).unwrap_or_default())?;
            }
        }
        self.notes.iter().try_for_each(|note| say!("{note}"))
    }
}

fn date(seconds: u64) -> String {
    // The format ends with the last second of the year 9999.
    let time = UNIX_EPOCH + Duration::from_secs(seconds.min(253_402_300_799));
    humantime::format_rfc3339_seconds(time).to_string()
}

fn relative(then: u64, now: u64) -> String {
    let distance = short(then.abs_diff(now));
    if then <= now { format!("{distance} ago") } else { format!("in {distance}") }
}
