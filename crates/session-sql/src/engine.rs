//! The interface of a store of any kind of database.

use std::pin::Pin;
use std::sync::Arc;

use session_core::BackendError;

use crate::request::{Reply, Request, Swept};

pub(crate) type Boxed<T> = Pin<Box<dyn Future<Output = Result<T, BackendError>> + Send>>;

/// A store of any kind of database.
pub(crate) trait Engine: Send + Sync + 'static {
    /// Returns the name of the kind of database.
    fn name(&self) -> &'static str;

    /// Runs a request to its end, even if the caller is dropped.
    fn call(self: Arc<Self>, request: Request) -> Boxed<Reply>;

    /// Creates the table if it is missing.
    fn create_table(self: Arc<Self>) -> Boxed<()>;

    /// Counts sessions on a separate connection, because counting may take longer than a call.
    fn count(self: Arc<Self>, key_prefix: String) -> Boxed<u64>;

    /// Looks at a batch of rows, and deletes those that have expired.
    fn sweep(self: Arc<Self>) -> Boxed<Swept>;
}
