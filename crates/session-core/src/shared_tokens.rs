//! Warns if two managers accept each other's tokens.

use std::sync::{Arc, Mutex, Weak};

use crate::request::context::SessionContext;
use crate::sync::lock;

/// The live managers of this process.
static MANAGERS: Mutex<Vec<Weak<SessionContext>>> = Mutex::new(Vec::new());

/// Warns if another manager has this one's secret and salt, but other sessions. Managers of one configuration share
/// their sessions.
pub(crate) fn warn_of_shared_tokens(context: &Arc<SessionContext>) {
    let mut managers = lock(&MANAGERS);
    managers.retain(|manager| manager.strong_count() > 0);
    let shared = managers.iter().filter_map(Weak::upgrade).find(|other| shares_tokens_only(context, other));
    managers.push(Arc::downgrade(context));
    // A log subscriber may make a manager.
    drop(managers);
    if let Some(other) = shared {
        let (cookie, other) = (context.config.cookie_name(), other.config.cookie_name());
        tracing::warn!(
            cookie,
            other,
            "two session configurations share secret and salt: each accepts the tokens of the other"
        );
    }
}

fn shares_tokens_only(own: &SessionContext, other: &SessionContext) -> bool {
    let is_own_format = own.config.format.is_none() && other.config.format.is_none();
    let same_name = own.config.cookie_name() == other.config.cookie_name();
    // A token of the other mode is refused.
    let same_mode = own.is_cookie_mode() == other.is_cookie_mode();
    is_own_format && !same_name && same_mode && own.config.tokens.same_as(&other.config.tokens)
}
