//! The application's function for events.

use std::sync::Arc;

use super::SessionConfigBuilder;
use crate::event::SessionEvent;

impl SessionConfigBuilder {
    /// Sets a function that is called at each [event](SessionEvent) of a session, for audit logs and mails; default
    /// none.
    ///
    /// The function runs within the request, so it must return quickly and must not panic. Pass slow work on to a task.
    ///
    /// ```
    /// # use session_core::{MemoryBackend, SessionConfigBuilder, SessionManager};
    /// use session_core::SessionEventKind;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // A task that sends mails takes them from the other end.
    /// let (mails, mut outbox) = tokio::sync::mpsc::unbounded_channel();
    /// let config = SessionConfigBuilder::development("id").backend(MemoryBackend::new()).on_event(move |event| {
    ///     if let (SessionEventKind::SignedIn, Some(user)) = (event.kind(), event.user()) {
    ///         let device = event.label("device").unwrap_or("an unknown device");
    ///         let _ = mails.send((user.to_owned(), format!("new sign-in from {device}")));
    ///     }
    /// });
    /// # let manager = SessionManager::new(config.build()?);
    /// # let handle = manager.open([]);
    /// # let session = handle.load().await?;
    /// session.sign_in("ann")?;
    /// session.set_label("device", "Firefox on Linux")?;
    /// # let _commit = handle.commit(200).await;
    /// assert_eq!(outbox.recv().await, Some(("ann".to_owned(), "new sign-in from Firefox on Linux".to_owned())));
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_event(mut self, on_event: impl Fn(&SessionEvent<'_>) + Send + Sync + 'static) -> Self {
        self.on_event = Some(Arc::new(on_event));
        self
    }
}
