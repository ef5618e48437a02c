//! Revocations of all sessions of a user, by an index or by epochs, through a session manager on the backend.

use std::sync::Arc;

use session_core::{Session, SessionError, SessionManager};

use super::context::{Context, Request};
use super::failure::{Failure, Outcome, ensure};
use super::{Case, cases};

pub(super) const CASES: &[Case] =
    cases![a_revocation_ends_every_session_of_the_user, requests_in_flight_leave_no_session_behind_a_revocation,];

/// Signs a user in. Returns the cookie.
async fn signed_in(manager: &SessionManager, user: &str) -> Result<String, Failure> {
    let request = Request::open(manager, "").await?;
    request.session.sign_in(user)?;
    request.commit().await?.ok_or_else(|| Failure::Wrong("a sign-in gets no cookie".to_owned()))
}

async fn a_revocation_ends_every_session_of_the_user(context: Arc<Context>) -> Outcome {
    let manager = context.manager()?;
    let mut cookies = Vec::new();
    for user in ["ann", "ann", "bob"] {
        cookies.push(signed_in(&manager, user).await?);
    }
    for (revoked, live) in [("carol", [true, true, true]), ("ann", [false, false, true])] {
        manager.revoke_all(revoked).await?;
        for (cookie, live) in cookies.iter().zip(live) {
            let is_live = Request::open(&manager, cookie).await?.session.is_signed_in();
            ensure!(is_live == live, "after a revocation a session is live that must not be, or the other way round");
        }
    }
    Ok(())
}

async fn requests_in_flight_leave_no_session_behind_a_revocation(context: Arc<Context>) -> Outcome {
    type Change = fn(&Session) -> Result<(), SessionError>;
    const CHANGES: [Change; 4] = [
        |session| session.insert("late", true),
        Session::renew,
        |session| session.set_label("device", "late"),
        |session| session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).map(drop),
    ];
    const USER: &str = "in flight";
    let manager = context.manager()?;
    let mut cookies = Vec::new();
    for _ in 0..8 {
        cookies.push(signed_in(&manager, USER).await?);
    }
    let mut requests = Vec::new();
    for cookie in cookies.clone() {
        for change in CHANGES {
            let request = Request::open(&manager, &cookie).await?;
            change(&request.session)?;
            requests.push(request);
        }
    }
    // The requests of half of the sessions commit before the revocation.
    let late = requests.split_off(requests.len() / 2);
    for request in requests {
        // Of concurrent renewals and changes some are refused.
        cookies.extend(request.commit().await.ok().flatten());
    }
    let commits: Vec<_> = late.into_iter().map(|request| tokio::spawn(request.commit())).collect();
    manager.revoke_all(USER).await?;
    for commit in commits {
        let outcome = commit.await.map_err(|_| Failure::Wrong("a commit panicked".to_owned()))?;
        cookies.extend(outcome.ok().flatten());
    }
    for cookie in &cookies {
        let session = Request::open(&manager, cookie).await?.session;
        ensure!(!session.is_signed_in() && session.is_empty(), "a session is live after the revocation of its user");
    }
    Ok(())
}
