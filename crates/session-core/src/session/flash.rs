//! Messages for the user's next page.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Session;
use crate::error::SessionError;
use crate::user::SessionRef;

/// The key of the session map.
const KEY: &str = "_flash";

/// The largest number of waiting messages. Beyond it the oldest is dropped.
const MAX_WAITING: usize = 16;

/// A message for the user's next page; see [`Session::flash`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Flash {
    /// The kind of the message.
    pub level: FlashLevel,
    /// The text exactly as the application passed it. Escape it in HTML.
    pub text: String,
}

/// The kind of a [`Flash`] message. Its [name](Self::name) can serve as a CSS class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FlashLevel {
    /// Neutral information.
    Info,
    /// A success.
    Success,
    /// A warning.
    Warning,
    /// A failure.
    Error,
}

impl FlashLevel {
    /// Returns `info`, `success`, `warning` or `error`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Success => "success",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Prints the [name](FlashLevel::name).
impl fmt::Display for FlashLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A waiting message. Its id distinguishes it from another with the same text.
#[derive(Clone, Serialize, Deserialize)]
struct Waiting {
    id: SessionRef,
    level: FlashLevel,
    text: String,
}

/// Messages for the next page.
impl Session {
    /// Keeps a message for the user's next page, such as "saved" before a redirect.
    ///
    /// Messages of concurrent requests are all kept. A session holds up to 16; beyond that the oldest is dropped. They
    /// are stored under the key `_flash`.
    ///
    /// ```
    /// # use session_core::{SessionConfigBuilder, SessionManager};
    /// use session_core::FlashLevel;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let manager = SessionManager::new(SessionConfigBuilder::development("id").build()?);
    /// # let handle = manager.open([]);
    /// # let session = handle.load().await?;
    /// // The handler of the form:
    /// session.flash(FlashLevel::Success, "Your address was saved.")?;
    /// // The page after the redirect:
    /// for message in session.take_flashes()? {
    ///     println!("<p class=\"{}\">{}</p>", message.level.name(), message.text); // escaped, in a real page
    /// }
    /// assert!(session.take_flashes()?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of [`update`](Self::update), and [`SessionError::NoRandomNumbers`] if the operating system has none.
    pub fn flash(&self, level: FlashLevel, text: impl Into<String>) -> Result<(), SessionError> {
        let id = SessionRef::random().ok_or(SessionError::NoRandomNumbers)?;
        let message = Waiting { id, level, text: text.into() };
        self.update(KEY, move |waiting: Option<Vec<Waiting>>| {
            let mut waiting = waiting.unwrap_or_default();
            waiting.push(message.clone());
            waiting.drain(..waiting.len().saturating_sub(MAX_WAITING));
            waiting
        })?;
        Ok(())
    }

    /// Removes the waiting messages and returns them, the oldest first. A session without messages is not changed.
    ///
    /// Two pages that load at the same time may both show a message. A message that another request adds at the same
    /// time stays for the next page.
    ///
    /// # Errors
    ///
    /// The errors of [`try_update`](Self::try_update).
    pub fn take_flashes(&self) -> Result<Vec<Flash>, SessionError> {
        let Some(shown) = self.get::<Vec<Waiting>>(KEY)? else { return Ok(Vec::new()) };
        let ids: Vec<SessionRef> = shown.iter().map(|message| message.id).collect();
        self.try_update(KEY, move |waiting: Option<Vec<Waiting>>| {
            let mut waiting = waiting.unwrap_or_default();
            waiting.retain(|message| !ids.contains(&message.id));
            Ok::<_, SessionError>((!waiting.is_empty()).then_some(waiting))
        })?;
        Ok(shown.into_iter().map(|Waiting { level, text, .. }| Flash { level, text }).collect())
    }
}
