//! The scan of all sessions.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use session_core::{Create, IndexedSession, Remove, ScanCursor, ScanPage, SessionScan};
use tokio::task::JoinSet;

use super::context::{Context, LONG, map, written};
use super::failure::{Failure, Outcome, ensure};
use super::{Case, cases};

pub(super) const CASES: &[Case] = cases![
    a_scan_finds_all_live_sessions_of_a_key_prefix,
    a_scanned_session_has_its_data_version_and_expiry,
    sessions_that_stay_are_found_while_others_come_and_go,
    a_cursor_of_another_store_does_no_harm,
];

/// More sessions than a page of any of this project's stores holds.
const MANY: usize = 450;

/// The number of pages after which a scan of some hundred sessions counts as endless, even on a server with many other
/// keys.
const MOST_PAGES: usize = 10_000;

impl Context {
    fn scan(&self) -> Result<&dyn SessionScan, Failure> {
        self.atomic()?.session_scan().ok_or_else(|| Failure::Wrong("the backend has no scan".to_owned()))
    }

    /// Returns what a scan finds. Up to `churn` sessions are removed between its pages, and as many are created.
    async fn found(&self, prefix: &str, churn: usize) -> Result<Vec<IndexedSession>, Failure> {
        let (mut found, mut after) = (Vec::new(), None);
        for number in 0..MOST_PAGES {
            let ScanPage { sessions, next, .. } = self.scan()?.page(prefix, after.as_ref()).await?;
            found.extend(sessions);
            if next.is_none() {
                return Ok(found);
            }
            after = next;
            for number in (0..churn).skip(20 * number).take(20) {
                self.atomic()?.remove(Remove::new(&format!("{prefix}{number:04}"))).await?;
                self.create_one(prefix, 1000 + number, LONG).await?;
            }
        }
        Err(Failure::Wrong(format!("a scan does not end within {MOST_PAGES} pages")))
    }

    async fn create_one(&self, prefix: &str, number: usize, ttl: Duration) -> Outcome {
        let (key, session) = (format!("{prefix}{number:04}"), map(r#"{"n":1}"#)?);
        written(self.atomic()?.create(Create::new(&key, &session, ttl)).await?).map(drop)
    }
}

async fn create_many(context: &Arc<Context>, prefix: &str) -> Outcome {
    let mut tasks = JoinSet::new();
    for first in (0..MANY).step_by(50) {
        let (context, prefix) = (context.clone(), prefix.to_owned());
        tasks.spawn(async move {
            for number in (first..MANY).take(50) {
                context.create_one(&prefix, number, LONG).await?;
            }
            Ok::<_, Failure>(())
        });
    }
    tasks.join_all().await.into_iter().collect()
}

/// Returns the keys that were found, without the prefix.
fn keys(found: &[IndexedSession], prefix: &str) -> BTreeSet<String> {
    found.iter().map(|entry| entry.key.strip_prefix(prefix).unwrap_or(&entry.key).to_owned()).collect()
}

async fn a_scan_finds_all_live_sessions_of_a_key_prefix(context: Arc<Context>) -> Outcome {
    let prefix = format!("{}[*?_%]:", context.key());
    create_many(&context, &prefix).await?;
    context.create_one(&prefix, MANY, Duration::from_secs(1)).await?;
    context.created("{}").await?;
    context.atomic()?.remove(Remove::new(&format!("{prefix}0007"))).await?;
    context.advance_clock(Duration::from_millis(2200)).await;
    let found = context.found(&prefix, 0).await?;
    ensure!(found.iter().all(|entry| entry.key.starts_with(&prefix)), "a scan finds sessions of another prefix");
    let keys = keys(&found, &prefix);
    ensure!(keys.len() == MANY - 1, "{} sessions are found, not {}", keys.len(), MANY - 1);
    ensure!(!keys.contains("0007"), "a scan finds a session that was removed");
    Ok(())
}

async fn a_scanned_session_has_its_data_version_and_expiry(context: Arc<Context>) -> Outcome {
    let (key, version) = context.created(r#"{"n":1}"#).await?;
    let found = context.found(&key[..key.len() - 1], 0).await?;
    let Some(entry) = found.iter().find(|entry| *entry.key == *key) else {
        return Err(Failure::Wrong("a scan does not find a session".into()));
    };
    let Some(stored) = &entry.stored else { return Err(Failure::Wrong("a session is found without its data".into())) };
    ensure!(stored.session.as_json() == r#"{"n":1}"#, "a session is found with other data");
    ensure!(stored.version == version, "a session is found with another version");
    if let Some(rest) = entry.expires_in {
        let about_long = rest <= LONG + Duration::from_secs(1) && rest + Duration::from_secs(600) > LONG;
        ensure!(about_long, "a session that expires in {LONG:?} is found as one that does in {rest:?}");
    }
    Ok(())
}

async fn sessions_that_stay_are_found_while_others_come_and_go(context: Arc<Context>) -> Outcome {
    let prefix = format!("{}:", context.key());
    create_many(&context, &prefix).await?;
    let keys = keys(&context.found(&prefix, 100).await?, &prefix);
    let missing = (100..MANY).filter(|number| !keys.contains(&format!("{number:04}"))).count();
    ensure!(missing == 0, "{missing} sessions are not found that lived during the whole scan");
    Ok(())
}

async fn a_cursor_of_another_store_does_no_harm(context: Arc<Context>) -> Outcome {
    let prefix = format!("{}:", context.key());
    for text in ["", ".", "no cursor", "99.99", "0.x", "-1.0", "'\"\\"] {
        // The store may refuse it.
        let Ok(page) = context.scan()?.page(&prefix, Some(&ScanCursor::new(text))).await else { continue };
        ensure!(page.sessions.is_empty(), "a cursor of another store leads to sessions of another prefix");
    }
    Ok(())
}
