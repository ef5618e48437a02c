//! The sign-in of a user, as the record of a session keeps it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::reference::SessionRef;

/// The sign-in of a session's user.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SignIn {
    pub(crate) id: Box<str>,
    /// Unix time in milliseconds, by which a user's sign-ins are ordered.
    pub(crate) at: u64,
    #[serde(rename = "ref")]
    pub(crate) reference: SessionRef,
    /// The user's epoch at the sign-in, if the store has epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) epoch: Option<u64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) labels: BTreeMap<Box<str>, Box<str>>,
}
