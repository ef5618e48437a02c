//! A session moves to a new key.

use std::sync::Arc;
use std::time::Duration;

use session_core::{Marker, Remove, Replace, Rotate, WriteOutcome};

use super::atomic::winners;
use super::context::{Context, LONG, map, written};
use super::failure::{Failure, Outcome, ensure};
use super::{Case, cases};

pub(super) const CASES: &[Case] = cases![
    a_rotated_session_is_under_its_new_key_only,
    a_rotated_session_leaves_a_marker_that_names_its_successor,
    a_session_is_rotated_only_at_its_version,
    a_session_that_is_gone_is_not_rotated,
    a_session_is_not_rotated_to_a_key_in_use,
    of_concurrent_rotations_one_succeeds,
    a_rotated_session_expires,
];

async fn a_rotated_session_is_under_its_new_key_only(context: Arc<Context>) -> Outcome {
    let atomic = context.atomic()?;
    let (old, version) = context.created(r#"{"n":1}"#).await?;
    let new = context.key();
    let value = map(r#"{"n":2}"#)?;
    let rotation = Rotate::new(&old, &new, &value, LONG, &version);
    let rotated = written(atomic.rotate(rotation).await?)?;
    ensure!(context.text(&old).await?.is_none(), "the session is still under its old key");
    let found = context.text(&new).await?;
    ensure!(found.as_deref() == Some(r#"{"n":2}"#), "under the new key is {found:?}");
    written(atomic.replace(Replace::new(&new, &map("{}")?, LONG, &rotated)).await?)?;
    Ok(())
}

async fn a_rotated_session_leaves_a_marker_that_names_its_successor(context: Arc<Context>) -> Outcome {
    let atomic = context.atomic()?;
    let (old, version) = context.created("{}").await?;
    let new = context.key();
    let value = map("{}")?;
    written(atomic.rotate(Rotate::new(&old, &new, &value, LONG, &version)).await?)?;
    let renewed = Marker::Renewed { successor: new.as_str().into() };
    let marker = atomic.marker(&old).await?;
    ensure!(marker.as_ref() == Some(&renewed), "the marker is {marker:?}");
    ensure!(atomic.fetch(&old).await?.is_none(), "reading follows the marker");
    match atomic.remove(Remove::new(&old)).await? {
        WriteOutcome::Gone(Some(marker)) if marker == renewed => {}
        other => ensure!(false, "removing the old one returned {other:?}"),
    }
    ensure!(context.text(&new).await?.is_some(), "removing the old key removed the new one");
    Ok(())
}

async fn a_session_is_rotated_only_at_its_version(context: Arc<Context>) -> Outcome {
    let atomic = context.atomic()?;
    let (old, version) = context.created(r#"{"n":1}"#).await?;
    written(atomic.replace(Replace::new(&old, &map(r#"{"n":2}"#)?, LONG, &version)).await?)?;
    let new = context.key();
    let value = map(r#"{"n":3}"#)?;
    let rotation = Rotate::new(&old, &new, &value, LONG, &version);
    match atomic.rotate(rotation).await? {
        WriteOutcome::Conflict(current) => {
            let current = context.current(&old, current).await?;
            ensure!(current.session.as_json() == r#"{"n":2}"#, "a conflict returns data other than the stored");
        }
        other => ensure!(false, "rotating at an old version returned {other:?}"),
    }
    ensure!(context.text(&old).await?.as_deref() == Some(r#"{"n":2}"#), "a refused rotation changed the old one");
    ensure!(context.text(&new).await?.is_none(), "a refused rotation made a new one");
    Ok(())
}

async fn a_session_that_is_gone_is_not_rotated(context: Arc<Context>) -> Outcome {
    let atomic = context.atomic()?;
    let (old, version) = context.created("{}").await?;
    atomic.remove(Remove::new(&old)).await?;
    let new = context.key();
    let value = map("{}")?;
    let answer = atomic.rotate(Rotate::new(&old, &new, &value, LONG, &version)).await?;
    ensure!(matches!(answer, WriteOutcome::Gone(_)), "rotating a removed session returned {answer:?}");
    ensure!(context.text(&new).await?.is_none(), "a removed session is back under a new key");
    let marker = atomic.marker(&old).await?;
    ensure!(marker == Some(Marker::Destroyed), "the marker of the removal became {marker:?}");
    Ok(())
}

async fn a_session_is_not_rotated_to_a_key_in_use(context: Arc<Context>) -> Outcome {
    let (old, version) = context.created(r#"{"n":1}"#).await?;
    let (used, _) = context.created(r#"{"other":true}"#).await?;
    let session = map(r#"{"n":2}"#)?;
    let answer = context.atomic()?.rotate(Rotate::new(&old, &used, &session, LONG, &version)).await?;
    ensure!(matches!(answer, WriteOutcome::Conflict(None)), "rotating to a key in use returned {answer:?}");
    for (key, json) in [(&old, r#"{"n":1}"#), (&used, r#"{"other":true}"#)] {
        let found = context.text(key).await?;
        ensure!(found.as_deref() == Some(json), "a refused rotation left {found:?} in place of {json}");
    }
    Ok(())
}

async fn of_concurrent_rotations_one_succeeds(context: Arc<Context>) -> Outcome {
    let (old, version) = context.created("{}").await?;
    let keys: Vec<_> = (0..16).map(|_| context.key()).collect();
    let mut tasks = Vec::new();
    for new in keys.clone() {
        let (context, old, version) = (context.clone(), old.clone(), version.clone());
        tasks.push(tokio::spawn(async move {
            let value = map(r#"{"moved":true}"#)?;
            let rotation = Rotate::new(&old, &new, &value, LONG, &version);
            let answer = context.atomic()?.rotate(rotation).await?;
            Ok::<_, Failure>(matches!(answer, WriteOutcome::Done(_)).then_some(new))
        }));
    }
    let winners = winners(tasks).await?;
    ensure!(winners.len() == 1, "{} of 16 rotations of one session succeeded", winners.len());
    for key in &keys {
        let there = context.text(key).await?.is_some();
        ensure!(
            there == winners.contains(key),
            "a session is stored where no rotation succeeded, or none where one did"
        );
    }
    Ok(())
}

async fn a_rotated_session_expires(context: Arc<Context>) -> Outcome {
    let (old, version) = context.created("{}").await?;
    let (new, value) = (context.key(), map("{}")?);
    let ttl = Duration::from_secs(1);
    written(context.atomic()?.rotate(Rotate::new(&old, &new, &value, ttl, &version)).await?)?;
    context.advance_clock(Duration::from_millis(2200)).await;
    ensure!(context.text(&new).await?.is_none(), "a session with a TTL of one second is found after two");
    Ok(())
}
