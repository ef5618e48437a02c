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
//! [`MemcacheBackend`] compares and sets. No update is lost, and a logout is final, among all services that use this library
//! on the same nodes.
//!
//! # Requirements
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
//! Set the configuration's `key_prefix` to the empty text to share sessions, because starlette-session has no prefix. It
//! takes a session that was destroyed or renewed here for a missing one.
//!
//! # Several nodes
//!
//! Each key belongs to one node, by the same consistent hashing as libmemcached's *weighted ketama* with equal weights
//! (pylibmc: `behaviors={"ketama_weighted": True}`; PHP: `Memcached::OPT_LIBKETAMA_COMPATIBLE`; Python's
//! `uhashring.HashRing(hash_fn="ketama")` with nodes named `host:port`, or `host` for port 11211). pymemcache's `HashClient`
//! uses another hash unless it is given such a ring. The order of the nodes is free; their spelling must be the same
//! everywhere. Adding the n-th node moves about 1/n of the keys, and logs out their users.
//!
//! [`OnNodeDown`] chooses what requests do while the node of their session is down.
//!
//! # Outages
//!
//! Every call ends within the [timeout](MemcacheBackendBuilder::timeout), by default the request deadline of the manager. After
//! [three](MemcacheBackendBuilder::breaker_threshold) in a row without an answer, calls fail at once, and one call tries the
//! node every 200 ms. The first answer ends it.
//!
//! An outage is logged once for each node, however many requests meet it:
//!
//! | level | message | fields |
//! |---|---|---|
//! | error | `the session store fails` | `store`, `server`, `cause`, `failures` |
//! | error, every 10 seconds | `the session store still fails` | also `seconds` |
//! | info | `the session store answers again` | `store`, `server`, `failures`, `seconds` |
//!
//! A command that a node refuses while it answers others, because it is out of memory, is an outage of its own. The
//! [source](std::error::Error::source) of each error is the cause. Neither quotes a session id, key or session data.
//!
//! A node closes its connections when it is restarted, and idle ones if it is told so (`-o idle_timeout`). The next call
//! then connects again. A write whose reply is lost is looked up, and sent once more if it was certainly not applied. If
//! that can't be told, the error says that the write may have been applied.
//!
//! # Connections and runtimes
//!
//! A connection is used only by the Tokio runtime that opened it, and is closed with that. Other runtimes go on while a
//! handler blocks the only thread of one. The most connections to a node are therefore the number of runtimes times
//! [`connections_per_node`](MemcacheBackendBuilder::connections_per_node). A backend may be kept in a `static`.
//!
//! A connection whose reply did not come in time, was not understood, or did not name the key and the call is closed. So no
//! request gets the reply to another one's call, even if requests are cancelled.
//!
//! # A cache is not a database
//!
//! - **Evictions are logouts.** When memory is full, memcached drops the items that were not used for longest, whatever
//!   their expiry. A dropped session is an empty one under a new id: its user has to log in again. Give memcached room for
//!   all live sessions (sessions a day × days of `max_age` × (bytes of JSON + 120), and a half more for the waste of slabs).
//!   Watch `evictions` in its `stats`: each is a logout. Share the server with nothing else.
//! - **A restart logs out all users**, and so does `flush_all`. The failure of a node logs out the users of its sessions.
//! - Don't run it with `-M`: a write for which there is no memory then drops the session that it was to replace.
//! - Set `-I`, the largest item, to at least 1 KiB more than [`max_value_bytes`](MemcacheBackendBuilder::max_value_bytes).
//! - Keep the clocks of services and nodes together, because an expiry of more than 30 days is sent as a date.
//!
//! Data that must survive all that belongs into a database. The session may hold its key there.
//!
//! # Sign out everywhere
//!
//! memcached has no sets, so that it lists no sessions of a user. With
//! [`user_epochs`](MemcacheBackendBuilder::user_epochs) it still ends all of them:
//! [`revoke_all`](session_core::SessionManager::revoke_all) ends the user's epoch, an item of some 150 bytes for each user who
//! signed in. Each request that loads the session of a user then looks at that item, which takes one round trip more. A sign-in
//! takes one more too, or two if it begins the epoch. Requests without a user cost nothing more.
//!
//! - An epoch that is evicted counts as ended: its user has to sign in again, on all devices.
//! - Once `revoke_all` has returned, no request reads a session of the user. A request that had loaded its session before
//!   may still write to it, and its next request finds it ended. So does a request after a sign-in that overlapped with
//!   `revoke_all`.
//! - While the node of the epoch is down, requests of its user fail with 503, and so does `revoke_all`.
//! - Turning epochs on signs all users out, because their sign-ins have joined none.
//!
//! After a change of the password: `revoke_all(user)`, then `session.sign_in(user)` for the session of this request.
//!
//! # Round trips
//!
//! Reading, creating, writing and extending a session take one round trip each. Renewing it takes two. Destroying it unread
//! takes two, or one if it has a marker already: a marker that is replaced unread could be the one of a renewal. Each
//! further verified cookie of that request takes as many. A change of a session that the store does not know takes three,
//! because its marker is asked for before another session is created. A call that finds another version than the expected one takes one more, to
//! read the stored session. A session that was destroyed or renewed leaves a marker of some 30 or 100 bytes under its key,
//! for a minute.
//!
//! | request | without epochs | with [epochs](MemcacheBackendBuilder::user_epochs) |
//! |---|---|---|
//! | untouched, or without a user | none more | the same |
//! | read / modify a user's session | 1 / 2 | 2 / 3 |
//! | renew a user's session | 3 | 4 |
//! | sign in: first session of the user / later | 3 | 5 / 4 |
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
