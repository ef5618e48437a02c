//! Storing, reading and deleting, with all kinds of keys and values.

use std::sync::Arc;

use session_core::{BackendErrorKind, MapError, SessionMap};

use super::context::{Context, LONG, map};
use super::failure::{Failure, Outcome, ensure};
use super::{Case, cases};

pub(super) const CASES: &[Case] = cases![
    a_key_that_was_never_set_is_absent,
    a_stored_session_comes_back_byte_for_byte,
    a_second_set_replaces_the_first,
    a_deleted_session_is_absent_and_deleting_it_again_is_fine,
    every_visible_character_and_every_length_makes_a_key,
    keys_that_look_alike_are_different,
    large_values_come_back_whole,
    a_value_beyond_the_limit_is_refused_or_comes_back_whole,
    concurrent_calls_do_not_mix_up_their_answers,
];

/// The length of a key with the longest prefix that a configuration allows and the longest id.
const LONGEST_KEY: usize = 128 + 64;

async fn a_key_that_was_never_set_is_absent(context: Arc<Context>) -> Outcome {
    ensure!(context.store().get(&context.key()).await?.is_none(), "a session is found at a new key");
    Ok(())
}

async fn a_stored_session_comes_back_byte_for_byte(context: Arc<Context>) -> Outcome {
    for json in [
        "{}",
        r#"{"user":"ann"}"#,
        r#"{ "spaces" : [ 1 , 2 ] }"#,
        r#"{"numbers":[1,1.0,-0.0,1e400,123456789012345678901234567890123456789012345678901234567890]}"#,
        r#"{"text":"é😀\u00e9\ud83d\ude00\"\\\n\u0000","é":""}"#,
        r#"{"twice":1,"twice":2}"#,
        r#"{"nested":{"a":[{"b":[[[[]]]]}]}}"#,
    ] {
        let key = context.key();
        context.store().set(&key, &map(json)?, LONG).await?;
        let found = context.text(&key).await?;
        ensure!(found.as_deref() == Some(json), "{json} came back as {found:?}");
    }
    Ok(())
}

async fn a_second_set_replaces_the_first(context: Arc<Context>) -> Outcome {
    let key = context.key();
    context.store().set(&key, &map(r#"{"a":1,"b":2}"#)?, LONG).await?;
    context.store().set(&key, &map(r#"{"a":2}"#)?, LONG).await?;
    let found = context.text(&key).await?;
    ensure!(found.as_deref() == Some(r#"{"a":2}"#), "{found:?} is stored");
    Ok(())
}

async fn a_deleted_session_is_absent_and_deleting_it_again_is_fine(context: Arc<Context>) -> Outcome {
    let key = context.key();
    context.store().set(&key, &map("{}")?, LONG).await?;
    for _ in 0..2 {
        context.store().delete(&key).await?;
        ensure!(context.text(&key).await?.is_none(), "the session is still stored");
    }
    Ok(())
}

async fn every_visible_character_and_every_length_makes_a_key(context: Arc<Context>) -> Outcome {
    let visible: String = ('!'..='~').collect();
    let base = context.key();
    for length in [base.len() + visible.len(), LONGEST_KEY] {
        // The keys differ only in their last character.
        let keys =
            ["x", "y"].map(|last| format!("{}{last}", &format!("{base}{visible}{visible}{visible}")[..length - 1]));
        for key in &keys {
            context.store().set(key, &map(&format!(r#"{{"last":"{}"}}"#, &key[length - 1..]))?, LONG).await?;
        }
        for key in &keys {
            let found = context.text(key).await?;
            let expected = format!(r#"{{"last":"{}"}}"#, &key[length - 1..]);
            ensure!(found.as_ref() == Some(&expected), "a key of {length} characters holds {found:?}");
            context.store().delete(key).await?;
        }
    }
    Ok(())
}

async fn keys_that_look_alike_are_different(context: Arc<Context>) -> Outcome {
    let key = context.key();
    let others = [format!("{key}a"), format!("{key}A"), format!("{key}a*"), format!("{key}?"), format!("{key}a:")];
    context.store().set(&key, &map(r#"{"mine":true}"#)?, LONG).await?;
    for other in &others {
        ensure!(context.text(other).await?.is_none(), "another key's session is found");
        context.store().set(other, &SessionMap::new(), LONG).await?;
    }
    for other in &others {
        context.store().delete(other).await?;
    }
    let found = context.text(&key).await?;
    ensure!(found.as_deref() == Some(r#"{"mine":true}"#), "writes to other keys left {found:?}");
    Ok(())
}

async fn large_values_come_back_whole(context: Arc<Context>) -> Outcome {
    for bytes in [4096, 64 * 1024, context.largest_value()] {
        let session = session_of(bytes)?;
        let key = context.key();
        context.store().set(&key, &session, LONG).await?;
        let found = context.text(&key).await?.map(|text| text.len());
        ensure!(found == Some(session.json_len()), "{bytes} bytes came back as {found:?}");
        context.store().delete(&key).await?;
    }
    Ok(())
}

/// A store that accepts a value that it can't keep loses it silently.
async fn a_value_beyond_the_limit_is_refused_or_comes_back_whole(context: Arc<Context>) -> Outcome {
    let session = session_of(2 * context.largest_value())?;
    let key = context.key();
    match context.store().set(&key, &session, LONG).await {
        Ok(()) => {
            let found = context.text(&key).await?.map(|text| text.len());
            ensure!(found == Some(session.json_len()), "{} bytes came back as {found:?}", session.json_len());
        }
        Err(Failure::Wrong(how)) => return Err(Failure::Wrong(how)),
        Err(Failure::Error(error)) => {
            ensure!(error.kind() == BackendErrorKind::TooLarge, "it is refused with {:?}", error.kind());
            context.store().set(&key, &SessionMap::new(), LONG).await?;
        }
    }
    context.store().delete(&key).await?;
    Ok(())
}

/// A session whose JSON text has this many bytes.
fn session_of(bytes: usize) -> Result<SessionMap, MapError> {
    let frame = r#"{"v":""}"#.len();
    map(&format!(r#"{{"v":"{}"}}"#, "x".repeat(bytes.saturating_sub(frame))))
}

async fn concurrent_calls_do_not_mix_up_their_answers(context: Arc<Context>) -> Outcome {
    let tasks: Vec<_> = (0..64)
        .map(|task| {
            let context = context.clone();
            tokio::spawn(async move {
                let key = context.key();
                for round in 0..8 {
                    let json = format!(r#"{{"task":{task},"round":{round}}}"#);
                    context.store().set(&key, &map(&json)?, LONG).await?;
                    let found = context.text(&key).await?;
                    ensure!(found.as_deref() == Some(&*json), "{json} came back as {found:?}");
                }
                Outcome::Ok(())
            })
        })
        .collect();
    for task in tasks {
        match task.await {
            Ok(outcome) => outcome?,
            Err(_) => ensure!(false, "a call panicked"),
        }
    }
    Ok(())
}
