//! Comparing and setting in one step.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, Waker};

use session_core::{Create, Remove, Replace, Rotate, SessionMap, StoreFuture, Touch, Version, WriteOutcome};

use super::context::{Context, LONG, map, there, written};
use super::failure::{Failure, Outcome, ensure};
use super::{Case, cases};

pub(super) const CASES: &[Case] = cases![
    a_session_is_created_only_under_a_free_key,
    of_concurrent_creations_one_succeeds,
    a_version_stays_until_another_write,
    a_session_is_replaced_only_at_its_version,
    of_concurrent_replacements_one_succeeds,
    a_version_of_another_store_fits_nothing,
    touching_changes_neither_data_nor_version,
    a_session_is_removed_at_its_version_or_whatever_it_is,
    a_removed_session_is_not_brought_back,
    an_empty_session_is_an_ordinary_session,
    a_store_that_answers_at_once_does_so,
];

async fn a_session_is_created_only_under_a_free_key(context: Arc<Context>) -> Outcome {
    let (key, _) = context.created(r#"{"first":1}"#).await?;
    let second = context.atomic()?.create(Create::new(&key, &map(r#"{"second":1}"#)?, LONG)).await?;
    ensure!(matches!(second, WriteOutcome::Conflict(_)), "a key in use was created: {second:?}");
    let found = context.text(&key).await?;
    ensure!(found.as_deref() == Some(r#"{"first":1}"#), "the second creation left {found:?}");
    Ok(())
}

async fn of_concurrent_creations_one_succeeds(context: Arc<Context>) -> Outcome {
    let key = context.key();
    let mut tasks = Vec::new();
    for task in 0..32 {
        let (context, key) = (context.clone(), key.clone());
        tasks.push(tokio::spawn(async move {
            let session = map(&format!(r#"{{"task":{task}}}"#))?;
            let created = context.atomic()?.create(Create::new(&key, &session, LONG)).await?;
            Ok::<_, Failure>(matches!(created, WriteOutcome::Done(_)).then(|| session.into_json()))
        }));
    }
    let winners = winners(tasks).await?;
    ensure!(winners.len() == 1, "{} of 32 creations of one key succeeded", winners.len());
    ensure!(context.text(&key).await? == winners.first().cloned(), "the stored session is not the winner's");
    Ok(())
}

async fn a_version_stays_until_another_write(context: Arc<Context>) -> Outcome {
    let (key, created) = context.created(r#"{"n":1}"#).await?;
    let fetched = there(context.atomic()?.fetch(&key).await?)?;
    ensure!(fetched.version == created, "the version is not the one that `create` returned");
    let replaced = written(context.atomic()?.replace(Replace::new(&key, &map(r#"{"n":2}"#)?, LONG, &created)).await?)?;
    ensure!(replaced != created, "a write of other data did not change the version");
    let fetched = there(context.atomic()?.fetch(&key).await?)?;
    ensure!(fetched.version == replaced, "the version is not the one that `replace` returned");
    ensure!(fetched.session.as_json() == r#"{"n":2}"#, "the data is not what was written");
    Ok(())
}

async fn a_session_is_replaced_only_at_its_version(context: Arc<Context>) -> Outcome {
    let atomic = context.atomic()?;
    let (key, old) = context.created(r#"{"n":1}"#).await?;
    written(atomic.replace(Replace::new(&key, &map(r#"{"n":2}"#)?, LONG, &old)).await?)?;
    match atomic.replace(Replace::new(&key, &map(r#"{"n":3}"#)?, LONG, &old)).await? {
        WriteOutcome::Conflict(current) => {
            let current = context.current(&key, current).await?;
            ensure!(current.session.as_json() == r#"{"n":2}"#, "a conflict returns data other than the stored");
            written(atomic.replace(Replace::new(&key, &map(r#"{"n":3}"#)?, LONG, &current.version)).await?)?;
        }
        other => ensure!(false, "an old version was not a conflict: {other:?}"),
    }
    let absent = context.key();
    let answer = atomic.replace(Replace::new(&absent, &map("{}")?, LONG, &old)).await?;
    ensure!(matches!(answer, WriteOutcome::Gone(_)), "replacing an absent session returned {answer:?}");
    ensure!(context.text(&absent).await?.is_none(), "replacing an absent session made one");
    Ok(())
}

async fn of_concurrent_replacements_one_succeeds(context: Arc<Context>) -> Outcome {
    let (key, version) = context.created(r#"{"n":0}"#).await?;
    let mut tasks = Vec::new();
    for task in 1..=32 {
        let (context, key, version) = (context.clone(), key.clone(), version.clone());
        tasks.push(tokio::spawn(async move {
            let session = map(&format!(r#"{{"n":{task}}}"#))?;
            let replaced = context.atomic()?.replace(Replace::new(&key, &session, LONG, &version)).await?;
            Ok::<_, Failure>(matches!(replaced, WriteOutcome::Done(_)).then(|| session.into_json()))
        }));
    }
    let winners = winners(tasks).await?;
    ensure!(winners.len() == 1, "{} of 32 replacements of one version succeeded", winners.len());
    ensure!(context.text(&key).await? == winners.first().cloned(), "the stored session is not the winner's");
    Ok(())
}

async fn a_version_of_another_store_fits_nothing(context: Arc<Context>) -> Outcome {
    let atomic = context.atomic()?;
    let value = map(r#"{"n":2}"#)?;
    for foreign in [&[][..], &[7; 20], &[0xff; Version::MAX_LEN]] {
        let foreign = &Version::from_bytes(foreign).expect("none is too long");
        let (key, _) = context.created(r#"{"n":1}"#).await?;
        let new = context.key();
        let answer = atomic.replace(Replace::new(&key, &value, LONG, foreign)).await?;
        ensure!(matches!(answer, WriteOutcome::Conflict(_)), "replacing at {foreign:?} returned {answer:?}");
        let answer = atomic.remove(Remove::new(&key).at(foreign)).await?;
        ensure!(matches!(answer, WriteOutcome::Conflict(_)), "removing at {foreign:?} returned {answer:?}");
        let rotation = Rotate::new(&key, &new, &value, LONG, foreign);
        let answer = atomic.rotate(rotation).await?;
        ensure!(matches!(answer, WriteOutcome::Conflict(_)), "rotating at {foreign:?} returned {answer:?}");
        let found = context.text(&key).await?;
        ensure!(found.as_deref() == Some(r#"{"n":1}"#), "what was refused at {foreign:?} left {found:?}");
    }
    Ok(())
}

async fn touching_changes_neither_data_nor_version(context: Arc<Context>) -> Outcome {
    let atomic = context.atomic()?;
    let (key, version) = context.created(r#"{"n":1}"#).await?;
    ensure!(atomic.touch(Touch::new(&key, LONG)).await?, "a stored session is not found");
    let found = there(atomic.fetch(&key).await?)?;
    ensure!(found.session.as_json() == r#"{"n":1}"#, "touching changed the data");
    ensure!(found.version == version, "touching changed the version");
    let absent = context.key();
    ensure!(!atomic.touch(Touch::new(&absent, LONG)).await?, "an absent session was touched");
    ensure!(context.text(&absent).await?.is_none(), "touching made a session");
    Ok(())
}

async fn a_session_is_removed_at_its_version_or_whatever_it_is(context: Arc<Context>) -> Outcome {
    let atomic = context.atomic()?;
    let (key, old) = context.created(r#"{"n":1}"#).await?;
    let version = written(atomic.replace(Replace::new(&key, &map(r#"{"n":2}"#)?, LONG, &old)).await?)?;
    match atomic.remove(Remove::new(&key).at(&old)).await? {
        WriteOutcome::Conflict(current) => {
            let current = context.current(&key, current).await?;
            ensure!(current.version == version, "a conflict returns another version");
        }
        other => ensure!(false, "removing at an old version returned {other:?}"),
    }
    ensure!(context.text(&key).await?.is_some(), "a session was removed at an old version");
    let answer = atomic.remove(Remove::new(&key).at(&version)).await?;
    ensure!(matches!(answer, WriteOutcome::Done(())), "removing at the version returned {answer:?}");
    ensure!(context.text(&key).await?.is_none(), "a removed session is found");

    let (key, _) = context.created("{}").await?;
    let answer = atomic.remove(Remove::new(&key)).await?;
    ensure!(matches!(answer, WriteOutcome::Done(())), "removing at any version returned {answer:?}");
    ensure!(context.text(&key).await?.is_none(), "a removed session is found");
    Ok(())
}

async fn a_removed_session_is_not_brought_back(context: Arc<Context>) -> Outcome {
    let atomic = context.atomic()?;
    let (key, version) = context.created(r#"{"n":1}"#).await?;
    atomic.remove(Remove::new(&key)).await?;
    let answer = atomic.replace(Replace::new(&key, &map(r#"{"n":2}"#)?, LONG, &version)).await?;
    ensure!(matches!(answer, WriteOutcome::Gone(_)), "replacing a removed session returned {answer:?}");
    ensure!(!atomic.touch(Touch::new(&key, LONG)).await?, "a removed session was touched");
    ensure!(context.text(&key).await?.is_none(), "a removed session is back");
    Ok(())
}

/// The manager empties a session by replacing it.
async fn an_empty_session_is_an_ordinary_session(context: Arc<Context>) -> Outcome {
    let atomic = context.atomic()?;
    let (key, version) = context.created(r#"{"n":1}"#).await?;
    let empty = SessionMap::new();
    let version = written(atomic.replace(Replace::new(&key, &empty, LONG, &version)).await?)?;
    let found = there(atomic.fetch(&key).await?)?;
    ensure!(found.session.is_empty(), "the session was not emptied");
    ensure!(found.version == version, "the version is not the one that `replace` returned");
    let marker = atomic.marker(&key).await?;
    ensure!(marker.is_none(), "an emptied session has the marker {marker:?}");
    let answer = atomic.create(Create::new(&key, &empty, LONG)).await?;
    ensure!(matches!(answer, WriteOutcome::Conflict(_)), "creating over an empty session returned {answer:?}");
    written(atomic.replace(Replace::new(&key, &map(r#"{"n":2}"#)?, LONG, &version)).await?)?;
    Ok(())
}

async fn a_store_that_answers_at_once_does_so(context: Arc<Context>) -> Outcome {
    let atomic = context.atomic()?;
    if !atomic.answers_at_once() {
        return Ok(());
    }
    let (key, new, session) = (context.key(), context.key(), map(r#"{"n":1}"#)?);
    let version = written(at_once(atomic.create(Create::new(&key, &session, LONG)))?)?;
    there(at_once(atomic.fetch(&key))?)?;
    let version = written(at_once(atomic.replace(Replace::new(&key, &session, LONG, &version)))?)?;
    ensure!(at_once(atomic.touch(Touch::new(&key, LONG)))?, "a stored session is not found");
    written(at_once(atomic.rotate(Rotate::new(&key, &new, &session, LONG, &version)))?)?;
    at_once(atomic.remove(Remove::new(&new)))?;
    at_once(atomic.marker(&new))?;
    Ok(())
}

/// Returns the reply to a call that must not wait.
fn at_once<T>(mut call: StoreFuture<'_, T>) -> Result<T, Failure> {
    match Pin::new(&mut call).poll(&mut task::Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Ok(answer?),
        Poll::Pending => Err(Failure::Wrong("`answers_at_once` is true, and a call waits".to_owned())),
    }
}

/// Returns the texts of the calls that succeeded.
pub(super) async fn winners(
    tasks: Vec<tokio::task::JoinHandle<Result<Option<String>, Failure>>>,
) -> Result<Vec<String>, Failure> {
    let mut winners = Vec::new();
    for task in tasks {
        winners.extend(task.await.map_err(|_| Failure::Wrong("a call panicked".to_owned()))??);
    }
    Ok(winners)
}
