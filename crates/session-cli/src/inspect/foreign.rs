//! The cookies of other frameworks, verified as a service with that format would.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use session_compat::DjangoDb;
use session_core::{
    BackendError, ISessionBackend, SessionCodec, SessionConfig, SessionManager, SessionMap, async_trait,
};

use super::report::Content;
use super::starlette;
use crate::formats::Format;
use crate::secrets::Secret;

/// A cookie that a format has read.
pub(super) struct Verified {
    /// The number of the key, from 0.
    pub(super) key: usize,
    pub(super) issued: Option<u64>,
    pub(super) content: Content,
}

/// Reads a cookie by the first key that verifies it, no matter how old the cookie is.
pub(super) fn verify(format: &Format, cookie_name: &str, raw: &str, keys: &[Secret], now: u64) -> Option<Verified> {
    let issued = issued(format.name, raw);
    let at = UNIX_EPOCH + Duration::from_secs(issued.unwrap_or(now));
    keys.iter().enumerate().find_map(|(key, secret)| {
        let asked = Asked::default();
        let builder = SessionConfig::builder(secret.as_slice(), cookie_name).danger_allow_weak_secret(true);
        let mut builder = (format.apply)(builder).key_prefix("").clock(move || at);
        if format.in_store {
            builder = builder.backend(session_core::Backend::simple(asked.clone()));
        }
        let content = read(&SessionManager::new(builder.build().ok()?), &format!("{cookie_name}={raw}"))?;
        let id = asked.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let content = match (format.in_store, id) {
            (true, id) => Content::Id(id?),
            (false, _) => Content::Session(content),
        };
        Some(Verified { key, issued, content })
    })
}

/// Reads a text of the column `session_data` of Django's table with each key.
pub(super) fn verify_row(raw: &str, keys: &[Secret]) -> Option<Verified> {
    keys.iter().enumerate().find_map(|(key, secret)| {
        let session = DjangoDb::new(secret.as_slice()).decode(raw.as_bytes()).ok()?;
        Some(Verified { key, issued: issued("django-cookie", raw), content: Content::Session(session) })
    })
}

/// Returns the data of the session; an empty map if the cookie holds the id of a stored session.
fn read(manager: &SessionManager, header: &str) -> Option<SessionMap> {
    use session_core::Absence;
    let runtime = tokio::runtime::Builder::new_current_thread().build().ok()?;
    let session = runtime.block_on(manager.open([header.as_bytes()]).load()).ok()?;
    match session.absence() {
        None | Some(Absence::UnknownId) => Some(session.to_map()),
        Some(_) => None,
    }
}

/// Returns the time of issue that a token contains.
fn issued(format: &str, raw: &str) -> Option<u64> {
    const BASE62: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    match format {
        "flask" => starlette::timestamp(raw.rsplit('.').nth(1)?),
        "django-cookie" => raw.rsplit(':').nth(1)?.bytes().try_fold(0_u64, |all, byte| {
            let digit = BASE62.iter().position(|&other| other == byte)?;
            all.checked_mul(62)?.checked_add(digit as u64)
        }),
        _ => None,
    }
}

/// A store without sessions, which records the requested key.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Option<String>>>);

#[async_trait]
impl ISessionBackend for Asked {
    async fn get(&self, key: &str) -> Result<Option<SessionMap>, BackendError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(key.to_owned());
        Ok(None)
    }

    async fn set(&self, _: &str, _: &SessionMap, _: Duration) -> Result<(), BackendError> {
        Ok(())
    }

    async fn delete(&self, _: &str) -> Result<(), BackendError> {
        Ok(())
    }
}
