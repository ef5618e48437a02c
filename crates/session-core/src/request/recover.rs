//! Finds out what became of an unconfirmed write.

use crate::backend::deadline::Deadline;
use crate::backend::{AtomicBackend, BackendError, Marker, Remove, Stored, Version};
use crate::error::SessionError;
use crate::id::SessionId;
use crate::map::SessionMap;
use crate::request::attempt::{Attempt, SentAttempt};
use crate::request::shared::SharedSession;
use crate::request::transfer::UnconfirmedWrite;

/// The outcome of an unconfirmed write, as the stored session tells it.
enum Finding {
    /// It was applied, and the session has this version; `None` if it removed the session.
    Applied(Option<Version>),
    /// It was not applied so far.
    NotApplied,
    /// Another request has written since.
    Overtaken(Stored),
}

impl SharedSession {
    /// Takes a write's error. If the reply was lost, looks once if the write was applied.
    ///
    /// # Errors
    ///
    /// The error, unless the write was applied. The attempt is settled if it certainly was not.
    pub(crate) async fn after_error(
        &self,
        sent: SentAttempt<'_, '_>,
        error: BackendError,
        store: &dyn AtomicBackend,
        deadline: &mut Deadline,
    ) -> Result<(), SessionError> {
        if !error.may_have_applied() {
            sent.not_applied();
        } else if let Ok(Finding::Applied(version)) = self.look(&sent_parts(&sent), store, deadline).await {
            self.confirm_found(sent, version);
            return Ok(());
        }
        Err(error.into())
    }

    /// Settles an unconfirmed write, so that the session can be planned for again.
    pub(crate) async fn recover(
        &self,
        mut write: UnconfirmedWrite,
        store: &dyn AtomicBackend,
        deadline: &mut Deadline,
    ) -> Result<(), SessionError> {
        let mut attempt = Attempt::resume(self, &mut write);
        let is_idempotent = attempt.is_idempotent();
        let sent = attempt.send(write.sent, write.new_id, write.replaces);
        match self.look(&sent_parts(&sent), store, deadline).await? {
            Finding::Applied(version) => self.confirm_found(sent, version),
            Finding::Overtaken(current) if !is_idempotent => {
                sent.not_applied();
                attempt.drop_changes(&current);
                return Err(SessionError::OutcomeUnknown);
            }
            Finding::NotApplied | Finding::Overtaken(_) => {
                let discarded = sent.is_discarded();
                // Dropping the attempt puts its changes back.
                sent.not_applied();
                let mut session = self.session();
                if !is_idempotent {
                    session.note_earlier_may_land();
                }
                if discarded {
                    session.cancel_renewal();
                }
            }
        }
        Ok(())
    }

    fn confirm_found(&self, sent: SentAttempt<'_, '_>, version: Option<Version>) {
        match version {
            Some(version) if sent.new_id.is_some() || self.session().id().is_some() => sent.confirm(version),
            _ => sent.confirm_removed(),
        }
    }

    /// Compares the stored session with the sent one.
    async fn look(
        &self,
        write: &SentParts,
        store: &dyn AtomicBackend,
        deadline: &mut Deadline,
    ) -> Result<Finding, BackendError> {
        let own_id = self.session().id().copied();
        let own_key = own_id.map(|id| self.context.store_key(&id));
        if let Some(key) = &own_key {
            match deadline.run(store.fetch(key)).await? {
                Some(stored) if write.replaces.as_ref() == Some(&stored.version) => return Ok(Finding::NotApplied),
                Some(stored) if write.told_by_data && stored.session.as_json() == write.sent.as_json() => {
                    return Ok(Finding::Applied(Some(stored.version)));
                }
                Some(stored) => return Ok(Finding::Overtaken(stored)),
                None => {}
            }
        }
        // Only this request knows a new id, so its data is the data that was sent.
        let Some(new_id) = write.new_id else { return Ok(Finding::NotApplied) };
        let new_key = self.context.store_key(&new_id);
        if let Some(key) = &own_key {
            let elsewhere = match deadline.run(store.marker(key)).await? {
                Some(Marker::Destroyed) => true,
                Some(Marker::Renewed { successor }) => *successor != *new_key,
                None => false,
            };
            if elsewhere {
                // A logout or another renewal came in between the steps of this one, and is final.
                deadline.run(store.remove(Remove::new(&new_key))).await?;
                return Ok(Finding::NotApplied);
            }
        }
        // Last, because the client is given a cookie of the session if it is there.
        let Some(stored) = deadline.run(store.fetch(&new_key)).await? else { return Ok(Finding::NotApplied) };
        Ok(Finding::Applied(Some(stored.version)))
    }
}

/// The parts of a sent attempt that may be shared between threads, as its closures may not.
struct SentParts {
    sent: SessionMap,
    new_id: Option<SessionId>,
    replaces: Option<Version>,
    told_by_data: bool,
}

fn sent_parts(sent: &SentAttempt<'_, '_>) -> SentParts {
    SentParts {
        sent: sent.sent.clone(),
        new_id: sent.new_id,
        replaces: sent.replaces.clone(),
        told_by_data: sent.is_told_by_its_data(),
    }
}
