//! Sessions expire after their TTL, and not before.

use std::sync::Arc;
use std::time::Duration;

use session_core::{Create, Replace, Touch, WriteOutcome};

use super::context::{Context, LONG, map, written};
use super::failure::{Outcome, ensure};
use super::{Case, cases};

pub(super) const CASES: &[Case] =
    cases![sessions_expire_after_their_ttl, a_write_renews_the_expiry, a_very_long_lifetime_does_not_end_at_once,];

const SHORT: Duration = Duration::from_secs(1);

/// A time after which [`SHORT`] has passed, even for servers that count whole seconds and round up.
const LONGER: Duration = Duration::from_millis(2200);

/// The longest TTL that a configuration allows.
const LONGEST: Duration = Duration::from_secs(400 * 24 * 3600);

/// One case for all kinds of writes, because the suite may have to wait.
async fn sessions_expire_after_their_ttl(context: Arc<Context>) -> Outcome {
    let store = context.store();
    let session = map(r#"{"a":1}"#)?;
    let set = context.key();
    store.set(&set, &session, SHORT).await?;
    let mut keys = vec![("set", set)];
    if let Some(atomic) = store.atomic() {
        let created = context.key();
        written(atomic.create(Create::new(&created, &session, SHORT)).await?)?;
        keys.push(("create", created));
        let (replaced, version) = context.created(r#"{"b":1}"#).await?;
        written(atomic.replace(Replace::new(&replaced, &session, SHORT, &version)).await?)?;
        keys.push(("replace", replaced));
        let (touched, _) = context.created(r#"{"b":1}"#).await?;
        ensure!(atomic.touch(Touch::new(&touched, SHORT)).await?, "touch does not find the session");
        keys.push(("touch", touched));
    }
    context.advance_clock(LONGER).await;
    for (way, key) in &keys {
        ensure!(
            context.text(key).await?.is_none(),
            "`{way}` with a TTL of one second leaves a session that is found after two"
        );
    }
    if let Some(atomic) = store.atomic() {
        let again = atomic.create(Create::new(&keys[0].1, &session, LONG)).await?;
        ensure!(matches!(again, WriteOutcome::Done(_)), "an expired session's key counts as in use: {again:?}");
    }
    Ok(())
}

async fn a_write_renews_the_expiry(context: Arc<Context>) -> Outcome {
    let store = context.store();
    let session = map(r#"{"a":1}"#)?;
    let set = context.key();
    store.set(&set, &session, SHORT).await?;
    store.set(&set, &session, LONG).await?;
    let mut keys = vec![("set", set)];
    if let Some(atomic) = store.atomic() {
        let touched = context.key();
        written(atomic.create(Create::new(&touched, &session, SHORT)).await?)?;
        ensure!(atomic.touch(Touch::new(&touched, LONG)).await?, "touch does not find the session");
        keys.push(("touch", touched));
        let replaced = context.key();
        let version = written(atomic.create(Create::new(&replaced, &session, SHORT)).await?)?;
        written(atomic.replace(Replace::new(&replaced, &session, LONG, &version)).await?)?;
        keys.push(("replace", replaced));
    }
    context.advance_clock(LONGER).await;
    for (way, key) in &keys {
        ensure!(context.text(key).await?.is_some(), "`{way}` does not renew the expiry");
    }
    Ok(())
}

async fn a_very_long_lifetime_does_not_end_at_once(context: Arc<Context>) -> Outcome {
    let day = Duration::from_secs(24 * 3600);
    for ttl in [30 * day, 30 * day + Duration::from_secs(1), LONGEST] {
        let key = context.key();
        context.store().set(&key, &map("{}")?, ttl).await?;
        ensure!(context.text(&key).await?.is_some(), "a session of {ttl:?} ends at once");
    }
    Ok(())
}
