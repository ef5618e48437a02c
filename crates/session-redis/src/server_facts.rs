//! Facts about the server: its eviction policy, which may remove the index of users, and its time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fred::types::Value;

use crate::command::{INFO_MEMORY, TIME};
use crate::error::CallError;
use crate::reply::unexpected;
use crate::store::Store;

impl Store {
    /// Returns the server's time. In a Cluster, asks one of its servers.
    pub(crate) async fn server_time(&self) -> Result<SystemTime, CallError> {
        let Value::Array(parts) = self.servers.call(TIME).await? else { return Err(unexpected()) };
        match parts.iter().map(Value::as_u64).collect::<Option<Vec<_>>>().as_deref() {
            Some([seconds, micros]) => Ok(UNIX_EPOCH + Duration::from_secs(*seconds) + Duration::from_micros(*micros)),
            _ => Err(unexpected()),
        }
    }

    /// Warns if the server evicts keys of all kinds when it is full. In a Cluster, asks one of its servers.
    pub(crate) async fn warn_of_eviction(&self) {
        let facts = match self.servers.call(INFO_MEMORY).await.map(Value::into_string) {
            Ok(Some(facts)) => facts,
            // An ACL may refuse the command.
            _ => return tracing::debug!("the server does not tell its eviction policy"),
        };
        let fact = |name: &str| facts.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let policy = fact("maxmemory_policy:").filter(|policy| policy.starts_with("allkeys-"));
        if let Some(policy) = policy
            && fact("maxmemory:") != Some("0")
        {
            tracing::warn!(policy, "the server may evict the index of users, which revocations rely on");
        }
    }
}
