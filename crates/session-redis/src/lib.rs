//! HTTP sessions in Redis or Valkey: on a single server, behind Sentinels, or in a Cluster.
//!
//! ```
//! use session_core::SessionConfig;
//! use session_redis::RedisBackend;
//!
//! let config = SessionConfig::builder("at least 32 bytes from a secret store", "session")
//!     .backend(RedisBackend::connect("redis://localhost")?)
//!     .build()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | URL | what it names |
//! |---|---|
//! | `redis://user:password@host:6379/0` | a server; user, password, port and database may be left out |
//! | `redis+unix:///run/redis.sock` | a server on a Unix socket |
//! | `redis-sentinel://host:26379/0?sentinelServiceName=name&node=host2:26379` | the primary that these Sentinels name |
//! | `redis-cluster://host:6379?node=host2:6379` | a Cluster that these servers belong to |
//!
//! User and password are for the servers; those of Sentinels are `sentinelUsername` and `sentinelPassword`. `valkey` may
//! stand for `redis`. `rediss` asks for TLS and needs the feature `tls`; without it such a URL is refused.
//! [`RedisBackend::from_client`] and [`RedisBackend::from_pool`] take a client of [fred](https://docs.rs/fred/10) that
//! the application has already. It keeps its own settings, and the reconnecting is its own concern.
//!
//! # What is stored
//!
//! A session is a string under the key that the configuration makes (`session:` and the id), by default JSON that any
//! language can read. For a minute after it was destroyed or renewed, `gone:{session:…}` tells what became of it: never
//! data, in a renewal's case the new key. A user of an ACL needs
//!
//! ```text
//! ~session:* ~gone:{session:* +get +set +del +expire +eval +evalsha +ping
//! ```
//!
//! and in a Cluster `+cluster|slots +asking`, behind Sentinels `+role`. Keys with a hash tag work in a Cluster
//! (`key_prefix("{app}:")`, which keeps all sessions on one server); a prefix with other braces does not.
//!
//! A write is made only on top of what was read. Other programs that write sessions store no version, so the values are
//! compared: JSON of less than 512 bytes as it is, which costs both sides less than hashing it, and still fits into one
//! packet with what is to be written; longer values, and those of other codecs, by their SHA-1. Two values of one digest
//! can be made on purpose, by somebody who writes both; this guards against accidents, not against him. And a value that
//! was changed and changed back counts as unchanged.
//!
//! # Python's starlette-session
//!
//! Its own backends for Redis store pickles, which nobody else should read. With a backend that stores JSON it shares
//! sessions with us under an empty [`key_prefix`](session_core::SessionConfigBuilder::key_prefix), one secret and one
//! cookie name. (A backend type is needed beside: without one, it ignores its `custom_session_backend`.)
//!
//! ```python
//! class JsonInRedis(ISessionBackend):
//!     def __init__(self, url):
//!         self.redis = redis.asyncio.Redis.from_url(url)
//!
//!     async def get(self, key):
//!         value = await self.redis.get(key)
//!         return None if value is None else json.loads(value)
//!
//!     async def set(self, key, value, exp):
//!         await self.redis.set(key, json.dumps(value), ex=exp)
//!
//!     async def delete(self, key):
//!         await self.redis.delete(key)
//!
//! app.add_middleware(SessionMiddleware, secret_key=secret, cookie_name="session",
//!                    backend_type=BackendType.redis, custom_session_backend=JsonInRedis("redis://localhost"))
//! ```
//!
//! Python compares nothing: each of its responses stores its session as a whole, which may undo what was written
//! meanwhile, a logout included.
//!
//! # When the server is away
//!
//! Every call ends within the [timeout](RedisBackendBuilder::timeout), 250 ms by default. After five in a row without an
//! answer, calls fail at once, while the server is probed every 100 ms or so; the first answer ends it. In our tests calls
//! then took 8 µs, and sessions worked again 10 to 340 ms after a server was restarted or went on. In a Cluster each
//! server is judged for itself. After a replica had taken over, it was 10 to 130 ms in a Cluster, and up to 1.6 s behind
//! Sentinels, which take their time before they name it.
//!
//! Whoever is not connected sends nothing: no write waits in a queue for the server's return. Those that were on their way
//! already may be carried out by it, late; they compare before they set, so that they never undo what is newer. (One
//! exception is wanted: a late logout logs out.) A request that is dropped, since its client is gone, leaves its write to
//! a task that waits for the answer as long as the request would have.
//!
//! Connections and probes live on the Tokio runtime of the call that needed them first. Where it ends, as that of a test
//! does, the next call has them begun anew.
//!
//! # Operations
//!
//! - **Memory.** A session takes about 160 bytes more than its text. In Redis 7.0 a million sessions of 200 bytes of JSON
//!   are 360 MB of `used_memory`, and about 440 MB of the machine's. (`MEMORY USAGE` of one says 296 bytes: it leaves out
//!   what the expiry takes.) A logout or a renewal takes up to 200 bytes for a minute. To repeat it:
//!   `cargo test -p session-redis --test it -- --nocapture memory`, or `INFO memory` before and after.
//! - **`maxmemory-policy`.** With `noeviction` a full server refuses new sessions and writes (503); reading and logging
//!   out go on, and a refused renewal leaves the session as it was. With `volatile-ttl` or `allkeys-lru` people are
//!   logged out instead: sessions vanish, and begin anew. Keep sessions apart from a cache.
//! - **Persistence.** Without it a restart logs everybody out. `appendonly yes` with `appendfsync everysec` loses up to a
//!   second of writes: a login, or a *logout*. Whoever can't have that takes `always`. A
//!   server that can't save its snapshots refuses writes (503), unless `stop-writes-on-bgsave-error no` is set.
//! - **Failover.** Replication is asynchronous: what was acknowledged just before a primary died may be missing on the
//!   replica that follows it, be it a login, a change or a logout. `min-replicas-to-write 1` and `min-replicas-max-lag`
//!   bound the loss: a primary that lost its replicas then refuses writes, logouts too (503).
//! - **`WAIT`.** To know that a certain change has arrived, `save().await` the session, and ask with a client of your own:
//!   a small write, and `WAIT 1 100` behind it on the same connection, answer how many replicas have that write within
//!   100 ms. Replicas get writes in their order: those have the session's too. (In a Cluster, ask the server of the
//!   session's slot.) Not with the client that is given to [`RedisBackend::from_client`]: calls of other requests would
//!   wait behind it.
//! - **Cluster.** With `cluster-require-full-coverage no` a primary that fails concerns its own slots only; by default
//!   Redis stops all of them. A renewal takes three steps, since the new id may live elsewhere: the new session is
//!   written, the old one removed, and the new one taken back if that was not possible. If the servers fail between these
//!   steps, both may exist until they expire.
//! - **Commands.** `GET`, `SET`, `EXPIRE`, `EVALSHA`, and `EVAL` where a server does not know a script yet; `PING` during
//!   outages. Scripts are short, but a write to a long value hashes what is there (1 MiB takes some milliseconds).
//!
//! # Runtime
//!
//! Needs Tokio, and stays with the runtime in which it was first used.

mod address;
mod backend;
mod background;
mod breaker;
mod cause;
mod cluster;
mod command;
mod config_error;
mod connection;
mod deadline;
mod detached;
mod error;
mod format;
mod keys;
mod marker;
mod node;
mod outage;
mod reply;
mod runtimes;
mod script;
mod servers;
mod settings;
mod store;
#[cfg(feature = "tls")]
mod tls;
mod url;

pub use backend::{RedisBackend, RedisBackendBuilder};
pub use config_error::RedisConfigError;
