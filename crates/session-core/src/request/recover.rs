//! Finds out what became of an unconfirmed write.

use crate::backend::deadline::TimedStore;
use crate::backend::{BackendError, Marker, Remove, Stored, Version};
use crate::error::SessionError;
use crate::request::attempt::{Attempt, SentAttempt};
use crate::request::shared::SharedSession;
use crate::request::transfer::{Sent, UnconfirmedWrite};

/// The outcome of an unconfirmed write, according to the stored session.
enum Finding {
    /// It was applied, and the session has this version.
    Applied(Version),
    /// It was not applied so far.
    NotApplied,
    /// Another request has written since.
    Overtaken(Stored),
}

impl SharedSession {
    /// Handles the error of a write. If the reply was lost, checks once if the write was applied.
    ///
    /// # Errors
    ///
    /// The error, unless the write was applied. The attempt is settled if it certainly was not.
    pub(crate) async fn after_error(
        &self,
        sent: SentAttempt<'_, '_>,
        error: BackendError,
        store: &mut TimedStore<'_>,
    ) -> Result<(), SessionError> {
        if !error.may_have_applied() {
            sent.not_applied();
        } else {
            let (write, told_by_data) = (sent.sent.clone(), sent.is_told_by_its_data());
            if let Ok(Finding::Applied(version)) = self.look(&write, told_by_data, store).await {
                sent.confirm(version);
                return Ok(());
            }
        }
        Err(error.into())
    }

    /// Resolves an unconfirmed write, so that the next step can be planned.
    pub(crate) async fn recover(
        &self,
        write: UnconfirmedWrite,
        store: &mut TimedStore<'_>,
    ) -> Result<(), SessionError> {
        let UnconfirmedWrite { taken, sent: write } = write;
        let (is_idempotent, signs_in, discarded) =
            (taken.changes.is_idempotent(), taken.changes.signs_in(), taken.discarded);
        let mut attempt = Attempt { shared: self, taken };
        let sent = attempt.send(write.clone());
        let told_by_data = sent.is_told_by_its_data();
        match self.look(&write, told_by_data, store).await? {
            Finding::Applied(version) => {
                sent.confirm(version);
                if signs_in {
                    self.complete_sign_in(store).await?;
                }
            }
            Finding::Overtaken(current) if !is_idempotent => {
                sent.not_applied();
                attempt.drop_changes(&current);
                return Err(SessionError::OutcomeUnknown);
            }
            Finding::NotApplied | Finding::Overtaken(_) => {
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

    /// Compares the stored session with the sent one. `told_by_data` is `true` if equal data proves that the write was
    /// applied.
    async fn look(
        &self,
        write: &Sent,
        told_by_data: bool,
        store: &mut TimedStore<'_>,
    ) -> Result<Finding, BackendError> {
        let own_id = self.session().id().copied();
        let own_key = own_id.map(|id| self.context.store_key(&id));
        if let Some(key) = &own_key {
            match store.fetch(key).await? {
                Some(stored) if write.replaces.as_ref() == Some(&stored.version) => return Ok(Finding::NotApplied),
                Some(stored) if told_by_data && stored.session.as_json() == write.data.as_json() => {
                    return Ok(Finding::Applied(stored.version));
                }
                Some(stored) => return Ok(Finding::Overtaken(stored)),
                None => {}
            }
        }
        // Only this request knows the new id, so data under it is the data that was sent.
        let Some(new_id) = write.new_id else { return Ok(Finding::NotApplied) };
        let new_key = self.context.store_key(&new_id);
        if let Some(key) = &own_key {
            let elsewhere = match store.marker(key).await? {
                Some(Marker::Destroyed) => true,
                Some(Marker::Renewed { successor }) => *successor != *new_key,
                None => false,
            };
            if elsewhere {
                // A logout or another renewal came between the steps of this renewal, and wins.
                store.remove(Remove::new(&new_key)).await?;
                return Ok(Finding::NotApplied);
            }
        }
        // Last, because the client gets a cookie for the session if it exists.
        let found = store.fetch(&new_key).await?;
        Ok(found.map_or(Finding::NotApplied, |stored| Finding::Applied(stored.version)))
    }
}
