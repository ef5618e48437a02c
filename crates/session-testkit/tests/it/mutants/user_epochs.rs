//! Defects of the epochs of users.

use std::time::Duration;

use session_core::{AtomicBackend, StoreFuture, UserEpochs};
use session_testkit::{EpochMemory, forward};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EpochDefect {
    AllUsersAreOne,
    NamesAreCaseless,
    EveryJoinBegins,
    EndDoesNothing,
    NothingExpires,
    UseExtendsNothing,
}

pub(super) struct EpochMutant {
    pub(super) memory: EpochMemory,
    pub(super) defect: EpochDefect,
}

impl EpochMutant {
    fn user(&self, user: &str) -> String {
        match self.defect {
            EpochDefect::AllUsersAreOne => "all".to_owned(),
            EpochDefect::NamesAreCaseless => user.to_lowercase(),
            _ => user.to_owned(),
        }
    }
}

impl AtomicBackend for EpochMutant {
    forward!(memory: fetch, create, replace, remove, touch, rotate, marker);

    fn user_epochs(&self) -> Option<&dyn UserEpochs> {
        Some(self)
    }
}

impl UserEpochs for EpochMutant {
    fn join<'a>(&'a self, user: &'a str, candidate: u64, ttl: Duration) -> StoreFuture<'a, u64> {
        StoreFuture::pending(async move {
            let user = self.user(user);
            match self.defect {
                EpochDefect::EveryJoinBegins => self.memory.end(&user).await?,
                EpochDefect::UseExtendsNothing => {
                    let short = Duration::from_secs(1);
                    return self.memory.join(&user, candidate, ttl.min(short)).await;
                }
                _ => {}
            }
            let longest = Duration::from_secs(1 << 20);
            let ttl = if self.defect == EpochDefect::NothingExpires { longest } else { ttl };
            self.memory.join(&user, candidate, ttl).await
        })
    }

    fn current<'a>(&'a self, user: &'a str, ttl: Duration) -> StoreFuture<'a, Option<u64>> {
        StoreFuture::pending(async move { self.memory.current(&self.user(user), ttl).await })
    }

    fn end<'a>(&'a self, user: &'a str) -> StoreFuture<'a, ()> {
        StoreFuture::pending(async move {
            if self.defect == EpochDefect::EndDoesNothing { Ok(()) } else { self.memory.end(&self.user(user)).await }
        })
    }
}
