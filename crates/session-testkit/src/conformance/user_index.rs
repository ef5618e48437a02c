//! The index of sessions by user.

use std::sync::Arc;
use std::time::Duration;

use session_core::{BackendErrorKind, Create, Remove, Replace, Rotate, Touch, UserIndex};

use super::context::{Context, LONG, map, written};
use super::failure::{Failure, Outcome, ensure};
use super::{Case, cases};

pub(super) const CASES: &[Case] = cases![
    a_users_sessions_are_listed_and_those_of_others_are_not,
    a_listed_session_has_its_data_and_version,
    a_session_without_a_user_is_not_listed,
    a_removed_session_is_not_listed_as_live,
    an_expired_session_is_not_listed_as_live,
    a_rotated_session_is_listed_under_its_new_key,
    a_session_that_is_renewed_all_the_time_is_in_every_listing,
    a_write_without_a_user_leaves_the_index_as_it_is,
    a_write_with_a_user_adds_the_session_to_the_index,
    a_session_that_is_touched_stays_in_the_index_until_it_expires,
    a_refused_write_leaves_the_session_in_the_index,
    a_users_name_may_be_any_text,
    the_sessions_of_a_key_prefix_are_counted,
];

impl Context {
    fn index(&self) -> Result<&dyn UserIndex, Failure> {
        self.atomic()?.user_index().ok_or_else(|| Failure::Wrong("the backend has no index".to_owned()))
    }

    /// Returns the keys of a user's live sessions, in order.
    async fn live(&self, user: &str) -> Result<Vec<String>, Failure> {
        let entries = self.index()?.sessions(user).await?;
        let live = entries.into_iter().filter(|entry| entry.stored.is_some());
        let mut keys: Vec<String> = live.map(|entry| entry.key.into()).collect();
        keys.sort_unstable();
        Ok(keys)
    }

    /// Stores a user's session under a new key.
    async fn signed_in(&self, user: &str, ttl: Duration) -> Result<(String, session_core::Version), Failure> {
        let key = self.key();
        let session = map(r#"{"n":1}"#)?;
        let create = Create::new(&key, &session, ttl).of_user(Some(user));
        let version = written(self.atomic()?.create(create).await?)?;
        Ok((key, version))
    }
}

async fn a_users_sessions_are_listed_and_those_of_others_are_not(context: Arc<Context>) -> Outcome {
    let (ann, bob) = (context.user(), context.user());
    let mut keys = Vec::new();
    for _ in 0..5 {
        keys.push(context.signed_in(&ann, LONG).await?.0);
    }
    context.signed_in(&bob, LONG).await?;
    keys.sort_unstable();
    let found = context.live(&ann).await?;
    ensure!(found == keys, "{} sessions of a user with 5 are listed, or others", found.len());
    let none = context.live(&context.user()).await?;
    ensure!(none.is_empty(), "a user without sessions has {}", none.len());
    Ok(())
}

async fn a_listed_session_has_its_data_and_version(context: Arc<Context>) -> Outcome {
    let user = context.user();
    let (_, version) = context.signed_in(&user, LONG).await?;
    let entries = context.index()?.sessions(&user).await?;
    let [entry] = &entries[..] else { return Err(Failure::Wrong(format!("{} entries, not one", entries.len()))) };
    let Some(stored) = &entry.stored else { return Err(Failure::Wrong("a live session is not listed as one".into())) };
    ensure!(stored.session.as_json() == r#"{"n":1}"#, "a session is listed with other data");
    ensure!(stored.version == version, "a session is listed with another version");
    if let Some(rest) = entry.expires_in {
        let about_long = rest <= LONG + Duration::from_secs(1) && rest + Duration::from_secs(600) > LONG;
        ensure!(about_long, "a session that expires in {LONG:?} is listed as one that does in {rest:?}");
    }
    Ok(())
}

async fn a_session_without_a_user_is_not_listed(context: Arc<Context>) -> Outcome {
    context.created("{}").await?;
    let live = context.live(&context.user()).await?;
    ensure!(live.is_empty(), "a session without a user is listed");
    Ok(())
}

async fn a_removed_session_is_not_listed_as_live(context: Arc<Context>) -> Outcome {
    let user = context.user();
    for knows_user in [true, false] {
        let (key, _) = context.signed_in(&user, LONG).await?;
        context.atomic()?.remove(Remove::new(&key).of_user(knows_user.then_some(&user))).await?;
    }
    let live = context.live(&user).await?;
    ensure!(live.is_empty(), "a removed session is listed");
    Ok(())
}

async fn an_expired_session_is_not_listed_as_live(context: Arc<Context>) -> Outcome {
    let user = context.user();
    context.signed_in(&user, Duration::from_secs(1)).await?;
    let (lasting, _) = context.signed_in(&user, LONG).await?;
    context.advance_clock(Duration::from_millis(2200)).await;
    let live = context.live(&user).await?;
    ensure!(live == [lasting], "{} sessions are listed where one has expired and one has not", live.len());
    Ok(())
}

async fn a_rotated_session_is_listed_under_its_new_key(context: Arc<Context>) -> Outcome {
    let (user, other) = (context.user(), context.user());
    let (old, version) = context.signed_in(&user, LONG).await?;
    let (second, third) = (context.key(), context.key());
    let session = map(r#"{"n":2}"#)?;
    let rotate = Rotate::new(&old, &second, &session, LONG, &version).of_user(Some(&user)).old_user(Some(&user));
    let version = written(context.atomic()?.rotate(rotate).await?)?;
    let live = context.live(&user).await?;
    ensure!(live == [second.as_str()], "{} sessions are listed after a renewal", live.len());
    let rotate = Rotate::new(&second, &third, &session, LONG, &version).of_user(Some(&other)).old_user(Some(&user));
    written(context.atomic()?.rotate(rotate).await?)?;
    let (left, moved) = (context.live(&user).await?, context.live(&other).await?);
    ensure!(left.is_empty(), "a session that another user has taken over is still listed");
    ensure!(moved == [third], "a session that a user has taken over is not listed");
    Ok(())
}

async fn a_session_that_is_renewed_all_the_time_is_in_every_listing(context: Arc<Context>) -> Outcome {
    let user = context.user();
    let (mut key, mut version) = context.signed_in(&user, LONG).await?;
    let renewing = tokio::spawn({
        let (context, user) = (context.clone(), user.clone());
        async move {
            let session = map(r#"{"n":2}"#)?;
            for _ in 0..100 {
                let new = context.key();
                let rotate = Rotate::new(&key, &new, &session, LONG, &version).of_user(Some(&user));
                version = written(context.atomic()?.rotate(rotate.old_user(Some(&user))).await?)?;
                key = new;
                tokio::task::yield_now().await;
            }
            Ok::<_, Failure>(())
        }
    });
    let mut ended = false;
    while !ended {
        ended = renewing.is_finished();
        let entries = context.index()?.sessions(&user).await?;
        ensure!(!entries.is_empty(), "a listing missed a session that was being renewed");
        tokio::task::yield_now().await;
    }
    renewing.await.map_err(|_| Failure::Wrong("a renewal panicked".to_owned()))?
}

async fn a_write_without_a_user_leaves_the_index_as_it_is(context: Arc<Context>) -> Outcome {
    let user = context.user();
    let (key, version) = context.signed_in(&user, LONG).await?;
    written(context.atomic()?.replace(Replace::new(&key, &map(r#"{"n":2}"#)?, LONG, &version)).await?)?;
    ensure!(context.atomic()?.touch(Touch::new(&key, LONG)).await?, "a session can't be touched");
    let live = context.live(&user).await?;
    ensure!(live == [key], "a session is not listed after a write without a user");
    Ok(())
}

/// A store may lose its index, and sessions may be older than the index. A write then adds the entry.
async fn a_write_with_a_user_adds_the_session_to_the_index(context: Arc<Context>) -> Outcome {
    let (written_to, touched) = (context.user(), context.user());
    let (key, version) = context.created(r#"{"n":1}"#).await?;
    let session = map(r#"{"n":2}"#)?;
    let replace = Replace::new(&key, &session, LONG, &version).of_user(Some(&written_to));
    written(context.atomic()?.replace(replace).await?)?;
    ensure!(context.live(&written_to).await? == [key], "a session is not listed after a write with its user");
    let (key, _) = context.created("{}").await?;
    context.atomic()?.touch(Touch::new(&key, LONG).of_user(Some(&touched))).await?;
    ensure!(context.live(&touched).await? == [key], "a session is not listed after a touch with its user");
    Ok(())
}

async fn a_session_that_is_touched_stays_in_the_index_until_it_expires(context: Arc<Context>) -> Outcome {
    let user = context.user();
    let (key, _) = context.signed_in(&user, Duration::from_secs(2)).await?;
    context.atomic()?.touch(Touch::new(&key, LONG).of_user(Some(&user))).await?;
    // A sign-in may free the entries of expired sessions.
    context.advance_clock(Duration::from_millis(3200)).await;
    let (second, _) = context.signed_in(&user, LONG).await?;
    let mut keys = [key, second];
    keys.sort_unstable();
    let live = context.live(&user).await?;
    ensure!(live == keys, "{} of two live sessions are listed after a touch", live.len());
    Ok(())
}

async fn a_refused_write_leaves_the_session_in_the_index(context: Arc<Context>) -> Outcome {
    let atomic = context.atomic()?;
    let user = context.user();
    let (key, old) = context.signed_in(&user, LONG).await?;
    let (new, session) = (context.key(), map(r#"{"n":2}"#)?);
    written(atomic.replace(Replace::new(&key, &session, LONG, &old)).await?)?;
    let rotate = Rotate::new(&key, &new, &session, LONG, &old).of_user(Some(&user)).old_user(Some(&user));
    drop(atomic.rotate(rotate).await?);
    drop(atomic.remove(Remove::new(&key).at(&old).of_user(Some(&user))).await?);
    drop(atomic.create(Create::new(&key, &session, LONG).of_user(Some(&user))).await?);
    let live = context.live(&user).await?;
    ensure!(live == [key], "{} sessions are listed after writes that were refused", live.len());
    Ok(())
}

async fn a_users_name_may_be_any_text(context: Arc<Context>) -> Outcome {
    let run = context.user();
    let long = "é".repeat(120);
    let names = ["a", "A", "a ", " a", "a\0", "a%", "a_", "*", "é", "e\u{301}", "\u{1f600}", "'\"\\", &long];
    for name in names {
        context.signed_in(&format!("{run}:{name}"), LONG).await?;
    }
    for name in names {
        let live = context.live(&format!("{run}:{name}")).await?;
        ensure!(live.len() == 1, "user {name:?} has {} sessions, not one", live.len());
    }
    Ok(())
}

async fn the_sessions_of_a_key_prefix_are_counted(context: Arc<Context>) -> Outcome {
    let prefix = format!("{}[*?_%]:", context.key());
    let session = map("{}")?;
    for number in 0..3 {
        let (key, user) = (format!("{prefix}{number}"), format!("{prefix}user:ann"));
        written(context.atomic()?.create(Create::new(&key, &session, LONG).of_user(Some(&user))).await?)?;
    }
    context.signed_in(&context.user(), LONG).await?;
    context.atomic()?.remove(Remove::new(&format!("{prefix}0"))).await?;
    let count = match context.index()?.count(&prefix).await {
        Err(error) if error.kind() == BackendErrorKind::Other => return Ok(()),
        count => count?,
    };
    ensure!(count == 2, "{count} sessions are counted, not 2");
    Ok(())
}
