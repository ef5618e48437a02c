//! The eviction policy of the server, which may remove the index of users.

use fred::types::Value;

use crate::command::INFO_MEMORY;
use crate::store::Store;

impl Store {
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
