//! The layer that applications add to their services.

use session_core::{SessionConfig, SessionManager};
use tower_layer::Layer;

use crate::{ByRequest, PlainText, RequestHead, SessionService};

/// Gives every request a session; see the [crate's documentation](crate).
///
/// `E` makes the responses for sessions that can't be loaded or committed.
#[derive(Clone, Debug)]
pub struct SessionLayer<E = PlainText> {
    manager: SessionManager,
    on_error: E,
}

impl SessionLayer {
    /// Makes a layer with this configuration.
    #[must_use]
    pub fn new(config: SessionConfig) -> Self {
        Self::with_manager(SessionManager::new(config))
    }

    /// Makes a layer with this manager. Layers with one manager share its store and locks.
    #[must_use]
    pub fn with_manager(manager: SessionManager) -> Self {
        Self { manager, on_error: PlainText }
    }
}

impl<E> SessionLayer<E> {
    /// Sets a function that makes the responses for sessions that can't be loaded or committed. The default is a line
    /// of text.
    ///
    /// Its responses also replace those of extractors that fail, and of handlers that return a session error with `?`.
    ///
    /// ```
    /// use http::{Response, StatusCode};
    /// use session_tower::{SessionConfigBuilder, SessionError, SessionLayer};
    ///
    /// let config = SessionConfigBuilder::development("session").build()?;
    /// let layer = SessionLayer::new(config).on_error(|error: &SessionError| {
    ///     let mut response = Response::new(format!(r#"{{"error": "{}"}}"#, error.public_message()));
    ///     *response.status_mut() = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    ///     response
    /// });
    /// # Ok::<(), session_tower::ConfigError>(())
    /// ```
    #[must_use]
    pub fn on_error<F>(self, on_error: F) -> SessionLayer<F> {
        SessionLayer { manager: self.manager, on_error }
    }

    /// Sets a function like [`on_error`](Self::on_error) that depends on the head of the request.
    ///
    /// The function is called with the head of every request, even without an error, so it should only look at a header
    /// or two. It returns a function from the error to the response.
    ///
    /// ```
    /// use http::Response;
    /// use http::header::ACCEPT;
    /// use session_tower::{RequestHead, SessionConfigBuilder, SessionError, SessionLayer};
    ///
    /// let config = SessionConfigBuilder::development("session").build()?;
    /// let layer = SessionLayer::new(config).on_error_by_request(|head: RequestHead<'_>| {
    ///     let wants_json = head.headers.get(ACCEPT).is_some_and(|value| value == "application/json");
    ///     move |error: &SessionError| {
    ///         let message = error.public_message();
    ///         let body = if wants_json { format!(r#"{{"error": "{message}"}}"#) } else { format!("<p>{message}</p>") };
    ///         Response::builder().status(error.status()).body(body).unwrap_or_default()
    ///     }
    /// });
    /// # Ok::<(), session_tower::ConfigError>(())
    /// ```
    #[must_use]
    pub fn on_error_by_request<F, O>(self, choose: F) -> SessionLayer<ByRequest<F, O>>
    where
        F: Fn(RequestHead<'_>) -> O,
    {
        SessionLayer { manager: self.manager, on_error: ByRequest::new(choose) }
    }
}

impl<S, E: Clone> Layer<S> for SessionLayer<E> {
    type Service = SessionService<S, E>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService::new(inner, self.manager.clone(), self.on_error.clone())
    }
}
