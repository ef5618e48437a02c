//! A backend of three methods, with a defect.

use std::time::Duration;

use session_core::{BackendError, ISessionBackend, SessionMap, async_trait};
use session_testkit::SimpleMemory;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SimpleDefect {
    AbsentIsEmpty,
    SetKeepsTheFirst,
    DeleteDoesNothing,
    NothingExpires,
}

pub(crate) struct SimpleMutant {
    pub(crate) memory: SimpleMemory,
    pub(crate) defect: SimpleDefect,
}

#[async_trait]
impl ISessionBackend for SimpleMutant {
    async fn get(&self, key: &str) -> Result<Option<SessionMap>, BackendError> {
        let found = self.memory.get(key).await?;
        Ok(if self.defect == SimpleDefect::AbsentIsEmpty { found.or(Some(SessionMap::new())) } else { found })
    }

    async fn set(&self, key: &str, session: &SessionMap, ttl: Duration) -> Result<(), BackendError> {
        match self.defect {
            SimpleDefect::SetKeepsTheFirst if self.memory.get(key).await?.is_some() => Ok(()),
            SimpleDefect::NothingExpires => self.memory.set(key, session, ttl * 1_000).await,
            _ => self.memory.set(key, session, ttl).await,
        }
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        if self.defect == SimpleDefect::DeleteDoesNothing { Ok(()) } else { self.memory.delete(key).await }
    }
}
