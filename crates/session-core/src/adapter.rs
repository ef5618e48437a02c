//! The types that an adapter to a web framework uses; see [`SessionManager`](crate::SessionManager).

pub(crate) mod commit;
mod headers;
mod plain;
mod response;

pub use self::commit::{Commit, ResponseHeader, ResponseHeaders};
pub use self::headers::{forbid_caching, kept_headers};
pub use self::plain::PlainResponse;
pub use self::response::{Responder, ResponseFuture};
pub use crate::cookie::SetCookie;
pub use crate::handle::{CommitState, PendingCommit};
pub use crate::log::report::report_missing_layer;
