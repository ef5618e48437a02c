//! Lost requests and lost replies, tested through a session manager, which reads the backend to find out if a write was
//! applied.

use std::sync::Arc;

use session_core::{SessionError, SessionManager};

use super::context::{Context, Request, map};
use super::failure::{Failure, Outcome, ensure};
use super::{Case, cases};
use crate::{Fault, Operation, Probe};

pub(super) const CASES: &[Case] = cases![
    a_write_whose_reply_is_lost_is_found_by_reading,
    an_update_whose_reply_is_lost_is_not_made_twice,
    a_renewal_whose_reply_is_lost_loses_no_session,
    a_logout_whose_reply_is_lost_is_final,
];

/// A manager on the backend, and the probe between the two.
struct Lossy {
    manager: SessionManager,
    probe: Probe,
}

impl Lossy {
    fn on(context: &Context) -> Result<Self, Failure> {
        let probe = Probe::new();
        Ok(Self { manager: context.manager_on(context.store().watched_by(&probe))?, probe })
    }

    /// Stores a new session. Returns its cookie.
    async fn start(&self, json: &str) -> Result<String, Failure> {
        let request = Request::open(&self.manager, "").await?;
        request.session.extend(&map(json)?)?;
        request.commit().await?.ok_or_else(|| Failure::Wrong("a new session has no cookie".to_owned()))
    }

    async fn open(&self, cookie: &str) -> Result<Request, Failure> {
        Request::open(&self.manager, cookie).await
    }

    async fn json(&self, cookie: &str) -> Result<String, Failure> {
        Ok(self.open(cookie).await?.session.to_map().into_json())
    }

    /// Commits while this fault affects all writes.
    async fn commit(&self, request: Request, fault: Fault) -> Result<Option<String>, SessionError> {
        self.fail_writes(fault);
        let outcome = request.commit().await;
        self.probe.heal();
        outcome
    }

    fn fail_writes(&self, fault: Fault) {
        use Operation::{Create, Delete, Remove, Replace, Rotate, Set};
        for write in [Set, Delete, Create, Replace, Remove, Rotate] {
            self.probe.fail(write, fault.clone());
        }
    }
}

async fn a_write_whose_reply_is_lost_is_found_by_reading(context: Arc<Context>) -> Outcome {
    let lossy = Lossy::on(&context)?;
    let first = lossy.open("").await?;
    first.session.extend(&map(r#"{"n":1.50e0}"#)?)?;
    let cookie = lossy.commit(first, Fault::LostReply).await?;
    let cookie = cookie.ok_or_else(|| Failure::Wrong("a new session that was stored has no cookie".to_owned()))?;
    let second = lossy.open(&cookie).await?;
    second.session.insert("more", true)?;
    lossy.commit(second, Fault::LostReply).await?;
    let found = lossy.json(&cookie).await?;
    ensure!(found == r#"{"n":1.50e0,"more":true}"#, "{found} is stored");
    Ok(())
}

async fn an_update_whose_reply_is_lost_is_not_made_twice(context: Arc<Context>) -> Outcome {
    let lossy = Lossy::on(&context)?;
    for fault in [Fault::LostRequest, Fault::LostReply] {
        let cookie = lossy.start(r#"{"n":0}"#).await?;
        let request = lossy.open(&cookie).await?;
        request.session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1)?;
        lossy.fail_writes(fault.clone());
        let _ = request.session.save().await;
        lossy.probe.heal();
        // An update that may have been made is reported, or made again if it was not.
        let told = request.commit().await;
        let made = lossy.open(&cookie).await?.session.get::<u64>("n")?;
        let right = if told.is_ok() { made == Some(1) } else { made <= Some(1) };
        ensure!(right, "{fault:?}: an increment of 0 that was answered by {told:?} made {made:?}");
    }
    Ok(())
}

/// The client has the new cookie or still the old one, and that cookie leads to its session.
async fn a_renewal_whose_reply_is_lost_loses_no_session(context: Arc<Context>) -> Outcome {
    let lossy = Lossy::on(&context)?;
    for fault in [Fault::LostRequest, Fault::LostReply] {
        let old = lossy.start(r#"{"n":0}"#).await?;
        let request = lossy.open(&old).await?;
        request.session.renew()?;
        let new = lossy.commit(request, fault.clone()).await.ok().flatten();
        let found = lossy.json(new.as_ref().unwrap_or(&old)).await?;
        ensure!(found == r#"{"n":0}"#, "{fault:?}: the client's session is {found}");
        let left = lossy.json(&old).await?;
        ensure!(new.is_none() || left == "{}", "{fault:?}: {left} is still under the old id");
    }
    Ok(())
}

async fn a_logout_whose_reply_is_lost_is_final(context: Arc<Context>) -> Outcome {
    let lossy = Lossy::on(&context)?;
    let cookie = lossy.start(r#"{"n":0}"#).await?;
    let (writer, logout) = (lossy.open(&cookie).await?, lossy.open(&cookie).await?);
    writer.session.insert("late", true)?;
    logout.session.destroy();
    // The response may be an error.
    let _ = lossy.commit(logout, Fault::LostReply).await;
    ensure!(writer.commit().await?.is_none(), "a late write was given a cookie");
    let found = lossy.json(&cookie).await?;
    ensure!(found == "{}", "{found} is back after the logout");
    Ok(())
}
