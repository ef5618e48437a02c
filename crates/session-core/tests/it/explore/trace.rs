//! Follows the sessions through the calls of a run.

use session_core::{SessionMap, WriteOutcome};

use super::api::Visitor;
use super::call::{Call, Reply};
use super::data::Data;
use super::record::{Departure, Trace};

impl Trace {
    /// A trace that begins with the shared session.
    pub(super) fn beginning_with(shared: Data) -> Self {
        Self { values: vec![shared], ..Self::default() }
    }

    /// Writes down what a call of a request has done.
    pub(super) fn note(&mut self, visitor: &Visitor, request: usize, at: usize, call: &Call, reply: &Reply) {
        let shared = &*visitor.key;
        match (call, reply) {
            // The session lives on under the key of the one that takes it over.
            (Call::Remove { key, .. }, _) if **key == *visitor.foreign_key => {}
            (Call::Create { key, session, .. } | Call::Replace { key, session, .. }, Reply::Written(outcome)) => {
                if let WriteOutcome::Done(_) = outcome {
                    self.wrote(shared, request, key, session);
                }
            }
            (Call::Rotate { old, new, session, .. }, Reply::Written(WriteOutcome::Done(_))) => {
                self.wrote(shared, request, new, session);
                self.left(request, old, at, true);
            }
            (Call::Set { key, session, .. }, _) => self.wrote(shared, request, key, session),
            (Call::Remove { key, .. }, Reply::Removed(WriteOutcome::Done(()))) => self.left(request, key, at, false),
            // It was not taken over yet, and now it can't be.
            (Call::Remove { key, .. }, Reply::Removed(WriteOutcome::Gone(None))) if &**key == shared => {
                self.left(request, key, at, false);
            }
            (Call::Delete { key }, _) => {
                // In a plain store, a session moves by a write under the new key first.
                let moved = self.created.iter().any(|(_, by)| *by == request);
                self.left(request, key, at, moved);
            }
            (Call::Fetch { key }, Reply::Found(Some(_))) | (Call::Get { key }, Reply::Got(Some(_))) => {
                self.revived |= self.is_gone(key);
            }
            _ => {}
        }
    }

    fn wrote(&mut self, shared: &str, request: usize, key: &str, session: &SessionMap) {
        self.revived |= self.is_gone(key);
        if key == shared {
            self.values.push(Data::of(session));
        } else if !self.created.iter().any(|(known, _)| **known == *key) {
            self.created.push((key.into(), request));
        }
    }

    fn left(&mut self, request: usize, key: &str, at: usize, moved: bool) {
        self.departures.push(Departure { key: key.into(), by: request, at, moved });
    }

    fn is_gone(&self, key: &str) -> bool {
        self.departures.iter().any(|departure| *departure.key == *key)
    }
}
