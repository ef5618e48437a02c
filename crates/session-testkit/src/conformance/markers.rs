//! The markers that removed sessions leave beside their keys.

use std::sync::Arc;

use session_core::{Create, Marker, Remove, Replace, Rotate, WriteOutcome};

use super::context::{Context, LONG, map, there, written};
use super::failure::{Outcome, ensure};
use super::{Case, cases};

pub(super) const CASES: &[Case] = cases![
    a_session_that_was_never_removed_has_no_marker,
    a_removal_leaves_the_given_marker,
    a_removal_leaves_its_marker_also_where_nothing_was_stored,
    a_second_removal_keeps_and_answers_the_marker,
    a_removal_at_a_version_leaves_its_marker_only_if_it_succeeds,
    a_key_with_a_marker_is_not_created,
    a_session_is_not_rotated_to_a_key_with_a_marker,
];

async fn a_session_that_was_never_removed_has_no_marker(context: Arc<Context>) -> Outcome {
    let (key, _) = context.created("{}").await?;
    for key in [&key, &context.key()] {
        let marker = context.atomic()?.marker(key).await?;
        ensure!(marker.is_none(), "the marker is {marker:?}");
    }
    Ok(())
}

async fn a_removal_leaves_the_given_marker(context: Arc<Context>) -> Outcome {
    let atomic = context.atomic()?;
    let renewed = Marker::Renewed { successor: context.key().into() };
    for at_version in [true, false] {
        for given in [Marker::Destroyed, renewed.clone()] {
            let (key, version) = context.created("{}").await?;
            let remove = Remove::new(&key).leaving(given.clone());
            let answer = atomic.remove(if at_version { remove.at(&version) } else { remove }).await?;
            ensure!(matches!(answer, WriteOutcome::Done(())), "removing a session returned {answer:?}");
            let marker = atomic.marker(&key).await?;
            ensure!(marker.as_ref() == Some(&given), "the marker is {marker:?}, given was {given:?}");
            ensure!(atomic.fetch(&key).await?.is_none(), "the marker is found as a session");
        }
    }
    Ok(())
}

/// A concurrent `create` of the key must fail after a logout.
async fn a_removal_leaves_its_marker_also_where_nothing_was_stored(context: Arc<Context>) -> Outcome {
    let atomic = context.atomic()?;
    let key = context.key();
    let answer = atomic.remove(Remove::new(&key)).await?;
    ensure!(matches!(answer, WriteOutcome::Gone(None)), "removing an absent session returned {answer:?}");
    let marker = atomic.marker(&key).await?;
    ensure!(marker == Some(Marker::Destroyed), "the marker is {marker:?}");
    Ok(())
}

async fn a_second_removal_keeps_and_answers_the_marker(context: Arc<Context>) -> Outcome {
    let atomic = context.atomic()?;
    let renewed = Marker::Renewed { successor: context.key().into() };
    for (first, second) in [(Marker::Destroyed, renewed.clone()), (renewed, Marker::Destroyed)] {
        let (key, _) = context.created("{}").await?;
        atomic.remove(Remove::new(&key).leaving(first.clone())).await?;
        let answer = atomic.remove(Remove::new(&key).leaving(second)).await?;
        let found = matches!(&answer, WriteOutcome::Gone(Some(marker)) if *marker == first);
        ensure!(found, "removing a session with the marker {first:?} returned {answer:?}");
        let marker = atomic.marker(&key).await?;
        ensure!(marker.as_ref() == Some(&first), "the marker {first:?} became {marker:?}");
    }
    Ok(())
}

async fn a_removal_at_a_version_leaves_its_marker_only_if_it_succeeds(context: Arc<Context>) -> Outcome {
    let atomic = context.atomic()?;
    let (key, old) = context.created(r#"{"n":1}"#).await?;
    let version = written(atomic.replace(Replace::new(&key, &map(r#"{"n":2}"#)?, LONG, &old)).await?)?;
    let answer = atomic.remove(Remove::new(&key).at(&old)).await?;
    ensure!(matches!(answer, WriteOutcome::Conflict(_)), "removing at an old version returned {answer:?}");
    let marker = atomic.marker(&key).await?;
    ensure!(marker.is_none(), "a refused removal left the marker {marker:?}");
    atomic.remove(Remove::new(&key).at(&version)).await?;
    let marker = atomic.marker(&key).await?;
    ensure!(marker == Some(Marker::Destroyed), "the marker of a removal at its version is {marker:?}");

    let absent = context.key();
    let answer = atomic.remove(Remove::new(&absent).at(&version)).await?;
    ensure!(matches!(answer, WriteOutcome::Gone(None)), "removing an absent session returned {answer:?}");
    let marker = atomic.marker(&absent).await?;
    ensure!(marker.is_none(), "a removal at a version left the marker {marker:?} where nothing was stored");
    Ok(())
}

async fn a_key_with_a_marker_is_not_created(context: Arc<Context>) -> Outcome {
    let atomic = context.atomic()?;
    let (removed, _) = context.created("{}").await?;
    for given in [Marker::Destroyed, Marker::Renewed { successor: context.key().into() }] {
        for key in [&removed, &context.key()] {
            atomic.remove(Remove::new(key).leaving(given.clone())).await?;
            let marker = atomic.marker(key).await?;
            let answer = atomic.create(Create::new(key, &map(r#"{"n":1}"#)?, LONG)).await?;
            let refused = matches!(&answer, WriteOutcome::Gone(found) if found.is_some() && *found == marker);
            ensure!(refused, "creating a key with the marker {marker:?} returned {answer:?}");
            ensure!(context.text(key).await?.is_none(), "a session was created at a key with a marker");
        }
    }
    Ok(())
}

async fn a_session_is_not_rotated_to_a_key_with_a_marker(context: Arc<Context>) -> Outcome {
    let atomic = context.atomic()?;
    let (old, version) = context.created(r#"{"n":1}"#).await?;
    let (new, session) = (context.key(), map(r#"{"n":2}"#)?);
    atomic.remove(Remove::new(&new)).await?;
    let answer = atomic.rotate(Rotate::new(&old, &new, &session, LONG, &version)).await?;
    let refused = matches!(answer, WriteOutcome::Gone(Some(Marker::Destroyed)));
    ensure!(refused, "rotating to a key with a marker returned {answer:?}");
    ensure!(context.text(&new).await?.is_none(), "a session was rotated to a key with a marker");
    let left = there(atomic.fetch(&old).await?)?;
    ensure!(left.version == version, "a refused rotation changed the old session");
    let marker = atomic.marker(&old).await?;
    ensure!(marker.is_none(), "a refused rotation left the marker {marker:?}");
    Ok(())
}
