//! Sessions in memcached.
//!
//! ```no_run
//! use session_core::SessionConfig;
//! use session_memcache::MemcacheBackend;
//!
//! let backend = MemcacheBackend::new(["cache-1.internal:11211", "cache-2.internal:11211"])?;
//! let config = SessionConfig::builder("at least 32 bytes from a secret store", "session").backend(backend).build()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`MemcacheBackend`] compares and sets: updates are not lost and logouts are final among all services that use this
//! library on the same nodes.
//!
//! # What it needs
//!
//! memcached 1.6.18 or later, because earlier versions don't say which key a "not found" is about. A reply that can't be
//! told from another request's is not accepted. No `-C`, which turns versions off.
//!
//! The nodes are reached by IPv4 or Unix sockets. An IPv6 address is refused when the backend is built, because the client
//! library can't connect to one. There is no encryption and no password either: keep the nodes on a private network.
//!
//! # Python's starlette-session
//!
//! Values are JSON text with the client flags 2, as `backend_type="memcache"` of starlette-session writes and reads them.
//! It uses keys without a prefix: set the configuration's `key_prefix` to the empty text to share sessions. A session
//! that was destroyed or renewed here is a missing one there.
//!
//! # Several nodes
//!
//! Each key belongs to one node, by the same consistent hashing as libmemcached's *weighted ketama* with equal weights
//! (pylibmc: `behaviors={"ketama_weighted": True}`; PHP: `Memcached::OPT_LIBKETAMA_COMPATIBLE`; Python's
//! `uhashring.HashRing(hash_fn="ketama")` with nodes named `host:port`, or `host` for port 11211). pymemcache's `HashClient` uses
//! another hash unless given such a ring. The order of the nodes does not matter; their spelling does. Adding the n-th
//! node moves about 1/n of the keys, and logs out their users.
//!
//! A node that does not answer three times in a row is left alone; five times a second one request tries it again. What
//! its sessions do meanwhile is [`OnNodeDown`]'s choice.
//!
//! # A cache is not a database
//!
//! - **Evictions are logouts.** When memory is full, memcached drops what was not used for longest, whatever its expiry.
//!   A dropped session is an empty one under a new id: nothing breaks, but its user has to log in again. Give memcached
//!   room for all live sessions (sessions a day × days of `max_age` × (bytes of JSON + 120), and a half more for what slabs
//!   waste), and watch `evictions` in its `stats`: anything but zero is a logout. Share the server with nothing else.
//! - **A restart logs everybody out**, and so do `flush_all` and the failure of a node for its share of the sessions.
//! - Don't run it with `-M`: a write for which there is no memory then drops the session that it was to replace.
//! - `-I`, the largest item, must be 1 KiB more than [`max_value_bytes`](MemcacheBackendBuilder::max_value_bytes) at least.
//! - An expiry of more than 30 days is sent as a date: keep the clocks of services and nodes together.
//!
//! What must survive all that belongs into a database; the session may hold its key.
//!
//! # What an operation costs
//!
//! Reading, creating, writing and extending a session take one round trip each. Renewing it takes two, and so does
//! destroying it unread, or one if it has a marker already. A call that finds another version than the expected one takes
//! one more, to read the stored session. A session that was destroyed or renewed leaves a marker of some 30 or 100 bytes
//! under its key, for a minute.
//!
//! A connection whose reply did not come in time, was not understood, or did not name the key and the call that it is
//! for, is closed: no request gets the answer to another one's question. That holds for requests that are cancelled too.

mod address;
mod backend;
mod breaker;
mod cluster;
mod command;
mod connection;
mod deadline;
mod detached;
mod error;
mod expiry;
mod key;
mod marker;
mod node;
mod outage;
mod pool;
mod remove;
mod ring;
mod rotate;
mod runtimes;
mod store;
mod write;

pub use backend::{MemcacheBackend, MemcacheBackendBuilder};
pub use cluster::OnNodeDown;
pub use error::MemcacheConfigError;
