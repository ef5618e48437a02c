//! The epochs of users.

use std::sync::Arc;
use std::time::Duration;

use session_core::UserEpochs;

use super::context::{Context, LONG};
use super::failure::{Failure, Outcome, ensure};
use super::{Case, cases};

pub(super) const CASES: &[Case] = cases![
    an_epoch_is_joined_until_it_ends,
    an_epoch_that_ended_does_not_come_back,
    concurrent_sign_ins_join_one_epoch,
    users_of_any_name_have_epochs_of_their_own,
    an_epoch_expires_and_is_extended_by_its_use,
];

/// The largest candidate.
const LARGEST: u64 = (1 << 53) - 1;

impl Context {
    fn epochs(&self) -> Result<&dyn UserEpochs, Failure> {
        self.atomic()?.user_epochs().ok_or_else(|| Failure::Wrong("the backend has no epochs".to_owned()))
    }
}

async fn an_epoch_is_joined_until_it_ends(context: Arc<Context>) -> Outcome {
    let (epochs, user) = (context.epochs()?, context.user());
    ensure!(epochs.current(&user, LONG).await?.is_none(), "a user who never signed in has an epoch");
    ensure!(epochs.join(&user, LARGEST, LONG).await? == LARGEST, "the first sign-in does not begin its epoch");
    ensure!(epochs.join(&user, 2, LONG).await? == LARGEST, "the second sign-in does not join the first one's epoch");
    ensure!(epochs.current(&user, LONG).await? == Some(LARGEST), "an epoch is not the one that was joined");
    Ok(())
}

async fn an_epoch_that_ended_does_not_come_back(context: Arc<Context>) -> Outcome {
    let (epochs, user) = (context.epochs()?, context.user());
    epochs.end(&user).await?;
    epochs.join(&user, 1, LONG).await?;
    epochs.end(&user).await?;
    ensure!(epochs.current(&user, LONG).await?.is_none(), "an epoch that was ended is there");
    ensure!(epochs.join(&user, 0, LONG).await? == 0, "a sign-in joins an epoch that was ended");
    Ok(())
}

async fn concurrent_sign_ins_join_one_epoch(context: Arc<Context>) -> Outcome {
    let user = Arc::new(context.user());
    let tasks: Vec<_> = (0..16)
        .map(|candidate| {
            let (context, user) = (context.clone(), user.clone());
            tokio::spawn(async move { Ok::<_, Failure>(context.epochs()?.join(&user, candidate, LONG).await?) })
        })
        .collect();
    let mut joined = Vec::new();
    for task in tasks {
        joined.push(task.await.map_err(|_| Failure::Wrong("a call panicked".to_owned()))??);
    }
    joined.dedup();
    ensure!(joined.len() == 1, "concurrent sign-ins join different epochs");
    Ok(())
}

async fn users_of_any_name_have_epochs_of_their_own(context: Arc<Context>) -> Outcome {
    let (epochs, run) = (context.epochs()?, context.user());
    let long = "é".repeat(120);
    let names = ["a", "A", "a ", " a", "a\0", "a\r\nb", "*", "é", "e\u{301}", "\u{1f600}", "'\"\\", &long];
    let names = names.map(|name| format!("{run}:{name}"));
    for (number, name) in (0..).zip(&names) {
        epochs.join(name, number, LONG).await?;
    }
    for (number, name) in (0..).zip(&names) {
        let found = epochs.current(name, LONG).await?;
        ensure!(found == Some(number), "user {name:?} has the epoch {found:?}, not {number}");
    }
    Ok(())
}

async fn an_epoch_expires_and_is_extended_by_its_use(context: Arc<Context>) -> Outcome {
    let (epochs, short) = (context.epochs()?, Duration::from_secs(1));
    let [unused, looked_at, joined] = [(); 3].map(|()| context.user());
    for user in [&unused, &looked_at, &joined] {
        epochs.join(user, 1, short).await?;
    }
    epochs.current(&looked_at, LONG).await?;
    epochs.join(&joined, 2, LONG).await?;
    context.advance_clock(Duration::from_millis(3200)).await;
    ensure!(epochs.current(&unused, LONG).await?.is_none(), "an epoch outlives its TTL");
    for user in [&looked_at, &joined] {
        ensure!(epochs.current(user, LONG).await? == Some(1), "an epoch that is in use expires");
    }
    Ok(())
}
