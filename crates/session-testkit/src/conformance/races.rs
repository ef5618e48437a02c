//! Concurrent requests of one session, tested through a session manager. They are certain to overlap, because all have
//! loaded the session before the first one commits.

use std::sync::Arc;

use session_core::{SessionError, SessionManager};

use super::context::{Context, Request};
use super::failure::{Failure, Outcome, ensure};
use super::{Case, cases};

pub(super) const CASES: &[Case] = cases![
    concurrent_writes_of_different_keys_are_all_kept,
    concurrent_increments_are_all_counted,
    a_logout_is_final,
    of_concurrent_renewals_one_is_left,
    a_value_is_taken_once,
];

const REQUESTS: u64 = 32;

/// Stores a new session that holds `n`. Returns its cookie.
async fn start(manager: &SessionManager) -> Result<String, Failure> {
    let request = Request::open(manager, "").await?;
    request.session.insert("n", 0)?;
    request.commit().await?.ok_or_else(|| Failure::Wrong("a new session has no cookie".to_owned()))
}

async fn open_many(manager: &SessionManager, cookie: &str, count: u64) -> Result<Vec<Request>, Failure> {
    let mut requests = Vec::new();
    for _ in 0..count {
        requests.push(Request::open(manager, cookie).await?);
    }
    Ok(requests)
}

async fn commit_together(requests: Vec<Request>) -> Result<Vec<Result<Option<String>, SessionError>>, Failure> {
    let tasks: Vec<_> = requests.into_iter().map(|request| tokio::spawn(request.commit())).collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.map_err(|_| Failure::Wrong("a commit panicked".to_owned()))?);
    }
    Ok(outcomes)
}

async fn concurrent_writes_of_different_keys_are_all_kept(context: Arc<Context>) -> Outcome {
    let manager = context.manager()?;
    let cookie = start(&manager).await?;
    let requests = open_many(&manager, &cookie, REQUESTS).await?;
    for (number, request) in requests.iter().enumerate() {
        request.session.insert(&format!("key-{number}"), number)?;
    }
    for outcome in commit_together(requests).await? {
        outcome?;
    }
    let kept = Request::open(&manager, &cookie).await?.session.to_map().len();
    ensure!(kept as u64 == REQUESTS + 1, "of {} keys {kept} are left", REQUESTS + 1);
    Ok(())
}

async fn concurrent_increments_are_all_counted(context: Arc<Context>) -> Outcome {
    let manager = context.manager()?;
    let cookie = start(&manager).await?;
    let requests = open_many(&manager, &cookie, REQUESTS).await?;
    for request in &requests {
        request.session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1)?;
    }
    for outcome in commit_together(requests).await? {
        outcome?;
    }
    let counted = Request::open(&manager, &cookie).await?.session.get::<u64>("n")?;
    ensure!(counted == Some(REQUESTS), "{REQUESTS} increments made {counted:?}");
    Ok(())
}

async fn a_logout_is_final(context: Arc<Context>) -> Outcome {
    let manager = context.manager()?;
    let cookie = start(&manager).await?;
    let (writer, renewer) = (Request::open(&manager, &cookie).await?, Request::open(&manager, &cookie).await?);
    writer.session.insert("late", true)?;
    renewer.session.renew()?;
    let logout = Request::open(&manager, &cookie).await?;
    logout.session.destroy();
    logout.commit().await?;
    ensure!(writer.commit().await?.is_none(), "a late write was given a cookie");
    ensure!(renewer.commit().await.is_err(), "a late renewal did not fail, and its page says welcome");
    ensure!(Request::open(&manager, &cookie).await?.session.is_empty(), "the session is back after the logout");
    Ok(())
}

async fn of_concurrent_renewals_one_is_left(context: Arc<Context>) -> Outcome {
    let manager = context.manager()?;
    let cookie = start(&manager).await?;
    let requests = open_many(&manager, &cookie, 8).await?;
    for request in &requests {
        request.session.renew()?;
    }
    let outcomes = commit_together(requests).await?;
    let cookies: Vec<_> = outcomes.into_iter().filter_map(|outcome| outcome.ok().flatten()).collect();
    ensure!(cookies.len() == 1, "{} of 8 concurrent renewals were given a cookie", cookies.len());
    ensure!(!Request::open(&manager, &cookies[0]).await?.session.is_empty(), "the renewed session is not stored");
    ensure!(Request::open(&manager, &cookie).await?.session.is_empty(), "the old session is still stored");
    Ok(())
}

async fn a_value_is_taken_once(context: Arc<Context>) -> Outcome {
    let manager = context.manager()?;
    let cookie = start(&manager).await?;
    let requests = open_many(&manager, &cookie, 8).await?;
    for request in &requests {
        request.session.insert("other", true)?;
        request.session.take::<u64>("n")?;
    }
    let taken = commit_together(requests).await?.iter().filter(|outcome| outcome.is_ok()).count();
    ensure!(taken == 1, "one value was taken {taken} times");
    Ok(())
}
