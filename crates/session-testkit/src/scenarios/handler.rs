//! The handler of the application under test.

use session_core::{SessionError, SessionHandle};

/// The response that the handler must return.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The status of the response.
    pub status: u16,
    /// The headers to set. Names are in lower case.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The body.
    pub body: String,
    /// `true` if the handler must return this response as an error of its framework.
    pub refused: bool,
}

/// Does the work of the handler: uses the session of a request in the way that the path says, and returns the response.
///
/// # Errors
///
/// If the session can't be loaded or changed. The handler must return the error in the way that users of the adapter
/// do.
pub async fn answer(session: &SessionHandle, path: &str) -> Result<Answer, SessionError> {
    let (action, query) = path.split_once('?').unwrap_or((path, ""));
    let body = match action {
        "/read" => session.load().await?.to_map().into_json(),
        "/count" => {
            let session = session.load().await?;
            session.update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1)?.to_string()
        }
        "/clear" => {
            session.load().await?.clear()?;
            String::new()
        }
        "/renew" => {
            session.load().await?.renew()?;
            String::new()
        }
        "/reserved" => {
            session.load().await?.insert("__session", 1)?;
            String::new()
        }
        "/destroy" => {
            session.destroy();
            String::new()
        }
        _ => String::new(),
    };
    let mut answer = Answer { status: 200, headers: Vec::new(), body, refused: false };
    for flag in query.split('&') {
        match flag {
            "refused" => answer.refused = true,
            "vary" => answer.headers.push(("vary", "Origin")),
            "public" => answer.headers.push(("cache-control", "public, max-age=60")),
            "private" => answer.headers.push(("cache-control", "private")),
            "other" => answer.headers.push(("set-cookie", OTHER_COOKIE)),
            _ => answer.status = flag.strip_prefix("status=").and_then(|n| n.parse().ok()).unwrap_or(answer.status),
        }
    }
    Ok(answer)
}

/// The cookie that the handler itself sets.
pub(super) const OTHER_COOKIE: &str = "other=1";
