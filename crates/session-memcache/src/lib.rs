//! Sessions in memcached.
//!
//! ```no_run
//! use session_core::SessionConfig;
//! use session_memcache::MemcacheBackend;
//!
//! let backend = MemcacheBackend::new(["cache-1.internal:11211", "cache-2.internal:11211"])?;
//! let config = SessionConfig::builder(std::env::var("SESSION_SECRET")?, "session").backend(backend).build()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`MemcacheBackend`] uses compare-and-set. No update is lost and a logout is final between all services that use this
//! library on the same nodes.
//!
//! # Requirements
//!
//! memcached 1.6.18 or later is required, because earlier versions don't name the key in a "not found" reply, and this
//! crate accepts no reply that could belong to another request. Don't start memcached with `-C`, which turns versions
//! off.
//!
//! The crate connects by IPv4 or Unix sockets. It refuses an IPv6 address when the backend is built, because the client
//! library can't connect to one. There is no encryption and no password, so keep the nodes on a private network.
//!
//! # Python's starlette-session
//!
//! Values are JSON text with the client flags 2, as `backend_type="memcache"` of starlette-session writes and reads
//! them. Set the configuration's `key_prefix` to the empty text to share sessions, because starlette-session has no
//! prefix. starlette-session treats a session that was destroyed or renewed here as missing.
//!
//! # Several nodes
//!
//! Each key belongs to one node, by the same consistent hashing as libmemcached's *weighted ketama* with equal weights
//! (pylibmc: `behaviors={"ketama_weighted": True}`; PHP: `Memcached::OPT_LIBKETAMA_COMPATIBLE`; Python's
//! `uhashring.HashRing(hash_fn="ketama")` with nodes named `host:port`, or `host` for port 11211). pymemcache's
//! `HashClient` uses another hash unless it is given such a ring. The order of the nodes does not matter, but their
//! names must be written in the same way everywhere. Adding the n-th node moves about 1/n of the keys, and logs out the
//! users of those sessions.
//!
//! [`OnNodeDown`] sets the behaviour of requests while the node of their session is down.
//!
//! # Outages
//!
//! Every call ends within the [timeout](MemcacheBackendBuilder::timeout), by default the request deadline of the
//! manager. After [three](MemcacheBackendBuilder::breaker_threshold) calls in a row without an answer, calls to that
//! node fail fast, and one call every 200 ms tries the node. The first answer ends this state.
//!
//! An outage is logged for the node, not for each request that fails:
//!
//! | level | message | fields |
//! |---|---|---|
//! | error | `the session store fails` | `store`, `server`, `cause`, `failures` |
//! | error, every 10 seconds | `the session store still fails` | also `seconds` |
//! | info | `the session store answers again` | `store`, `server`, `failures`, `seconds` |
//!
//! If a node refuses one command but answers others, for example because it is out of memory, this is logged as an
//! outage too. The [source](std::error::Error::source) of each error is the cause. No error and no log line quotes a
//! session id, key or session data.
//!
//! A node closes its connections when it is restarted, and idle connections if it is configured to (`-o idle_timeout`).
//! The next call then connects again. If the reply to a write is lost, the backend reads the item, and sends the write
//! once more if it was certainly not applied. If this is unclear, the error says that the write may have been applied.
//!
//! # Connections and runtimes
//!
//! A connection is used only by the Tokio runtime that opened it, and is closed with it. So a handler that blocks the
//! only thread of its runtime does not delay calls of other runtimes. The largest number of connections to a node is
//! the number of runtimes times [`connections_per_node`](MemcacheBackendBuilder::connections_per_node). A backend may
//! be kept in a `static`.
//!
//! The crate closes a connection if a reply does not come in time, is not understood, or does not name the key and the
//! call. So no request gets the reply to another request's call, even if requests are cancelled.
//!
//! # A cache is not a database
//!
//! - **Evictions are logouts.** When memory is full, memcached drops the least recently used items, no matter when they
//!   expire. The user of a dropped session has to log in again. Give memcached enough memory for all live sessions: new
//!   sessions per day × days of `max_age` × (bytes of JSON + 120), and half as much again for the overhead of slabs.
//!   Watch `evictions` in its `stats`, because each one is a logout. Don't use the server for anything else.
//! - **A restart logs out all users**, and so does `flush_all`. The failure of a node logs out the users of its sessions.
//! - Don't start it with `-M`, because a write for which there is no memory then drops the session that it should
//!   replace.
//! - Set `-I`, the largest item, to at least 1 KiB more than [`max_value_bytes`](MemcacheBackendBuilder::max_value_bytes).
//! - Synchronise the clocks of services and nodes, because an expiry of more than 30 days is sent as a date.
//!
//! Data that must survive all this belongs in a database. The session can hold its key there.
//!
//! # Sign out everywhere
//!
//! memcached has no sets, so it can't list the sessions of a user. With
//! [`user_epochs`](MemcacheBackendBuilder::user_epochs) the backend can still end all of them:
//! [`revoke_all`](session_core::SessionManager::revoke_all) ends the user's epoch, an item of some 150 bytes for each
//! user who signed in. Each request that loads the session of a user then reads that item, which takes one more round
//! trip. A sign-in takes one more to join the epoch, and one to read it after its session is written. Requests without a
//! user take no additional round trips.
//!
//! - An epoch that is evicted counts as ended: its user has to sign in again, on all devices.
//! - Once `revoke_all` has returned, no request reads a session of the user. A request that had loaded its session before
//!   may still write to it, and its next request finds it ended.
//! - A sign-in that overlaps with `revoke_all` fails with 409 if the epoch ends between the join and the second reading.
//!   Otherwise it counts as later, and its session lives on.
//! - While the node of the epoch is down, requests of its user fail with 503, and so does `revoke_all`.
//! - Turning epochs on signs out all users, because their sessions have no epoch.
//!
//! After a change of password, call `revoke_all(user)`, and then `session.sign_in(user)` for the session of this
//! request.
//!
//! # Round trips
//!
//! Reading, creating, writing and extending a session take one round trip each. Renewing it takes two. Destroying it
//! without reading it takes two, or one if it already has a marker, because a marker of a renewal must not be
//! overwritten unread. Each further verified cookie of that request takes as many. A change of a session that the store
//! does not know takes three, because its marker is read before another session is created. A call that finds a version
//! other than the expected one takes one more, to read the stored session. A destroyed session leaves a marker of about
//! 30 bytes under its key for a minute, and a renewed one of about 100 bytes.
//!
//! | request | without epochs | with [epochs](MemcacheBackendBuilder::user_epochs) |
//! |---|---|---|
//! | untouched, or without a user | – | no additional round trips |
//! | read / modify a user's session | 1 / 2 | 2 / 3 |
//! | renew a user's session | 3 | 4 |
//! | sign in without a session / with one | 1 / 3 | 3 / 5 |
//! | end all sessions of a user | not supported | 1 |

mod address;
mod backend;
mod cluster;
mod command;
mod connection;
mod epoch;
mod error;
mod expiry;
mod key;
mod marker;
mod node;
mod pool;
mod remove;
mod ring;
mod rotate;
mod store;
mod write;

pub use backend::MemcacheBackend;
pub use backend::builder::MemcacheBackendBuilder;
pub use cluster::OnNodeDown;
pub use error::MemcacheConfigError;
