//! HTTP sessions in Redis or Valkey: on a single server, behind Sentinels, or in a Cluster.
//!
//! ```no_run
//! use session_core::SessionConfig;
//! use session_redis::RedisBackend;
//!
//! let config = SessionConfig::builder(std::env::var("SESSION_SECRET")?, "session")
//!     .backend(RedisBackend::connect("redis://localhost")?)
//!     .build()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # URLs
//!
//! | URL | names |
//! |---|---|
//! | `redis://user:password@host:6379/0` | a server; user, password, port and database may be left out |
//! | `redis+unix:///run/redis.sock` | a server on a Unix socket |
//! | `redis-sentinel://host:26379/0?sentinelServiceName=name&node=host2:26379` | the primary that these Sentinels name |
//! | `redis-cluster://host:6379?node=host2:6379` | a Cluster that these servers belong to |
//!
//! `valkey` may stand for `redis`. `rediss` asks for TLS and needs the feature `tls`; without the feature such a URL is
//! refused. Roots and a client certificate are given to the [builder](RedisBackendBuilder).
//!
//! | parameter | of | meaning |
//! |---|---|---|
//! | `db` | all but a Cluster | the database, where the path does not name it |
//! | `timeout`, `socket_timeout` | all | the [timeout](RedisBackendBuilder::timeout) in seconds, such as `0.25`; it takes precedence over the builder |
//! | `node` | Sentinels, a Cluster | a further server, which may be given several times |
//! | `sentinelServiceName` | Sentinels | the name of the primary; required |
//! | `sentinelUsername`, `sentinelPassword` | Sentinels | the credentials of the Sentinels; those before the `@` are for the servers |
//!
//! Any other parameter is refused by its name, those of other libraries included. A user and a password of a server on a
//! Unix socket stand before a host of any name: `redis+unix://user:password@localhost/run/redis.sock`.
//!
//! With the feature `fred-10`, [`RedisBackend::from_client`] and [`RedisBackend::from_pool`] take a client of
//! [fred 10](https://docs.rs/fred/10) that the application has already. The application then connects and reconnects it, with its own settings.
//!
//! # What is stored
//!
//! A session is a string under the key that the configuration makes (`session:` and the id), by default JSON that any
//! language can read. For a minute after it was destroyed or renewed, `gone:{session:…}` holds its marker. A marker holds
//! no data; that of a renewal holds the new key. A user of an ACL needs
//!
//! ```text
//! ~session:* ~gone:{session:* +get +set +del +expire +eval +evalsha +ping
//! ```
//!
//! where users sign in also `+zadd +zrem +zrange +zremrangebyscore +expireat +pttl +time` and, to count sessions, `+scan`,
//! in a Cluster `+cluster|slots +asking +zscore`, behind Sentinels `+role`, for another database than 0 `+select`. Keys with a
//! hash tag work in a Cluster (`key_prefix("{app}:")`, which keeps all sessions on one server). A prefix with other braces
//! does not.
//!
//! A write is applied only if the stored value is still the one that was read. Other programs that write sessions store no
//! version, so the values are compared: JSON of less than 512 bytes as it is, longer values and those of other codecs by
//! their SHA-1. Two values with one digest can be made only by a writer of both, who can write any other value as well. A
//! value that was changed and changed back counts as unchanged.
//!
//! # The index of users
//!
//! The sessions of a user who [signed in](session_core::Session::sign_in) are listed in a sorted set under `session:user:`
//! and the user's id. Each entry is the key of a session. Its score is the time at which the entry expires, and its fraction tells
//! when the entry was made. On one server a script
//! writes session and entry in one step, so that a sign-in takes no call more. A listing takes two calls. It removes the
//! entries of sessions that are gone; a sign-in removes those that have expired.
//!
//! In a Cluster the index is in a slot of its own. A sign-in takes one call more, because the entry is added before the
//! session is written; a refresh one more; a renewal two more. A listing removes an entry whose session is gone if the entry is older than
//! a minute, because the session of a younger one may be about to be written; that takes one call more. Counting asks each
//! server in turn.
//!
//! Let the server evict nothing but expiring keys, and better nothing at all (`maxmemory-policy` `noeviction` or
//! `volatile-ttl`). An evicted index misses its sessions until their next refresh, so that `revoke_all` does too. The first
//! sign-in asks the server for its policy (`INFO memory`), and warns in the log of one that begins with `allkeys-`. A user
//! of an ACL without `+info` gets no warning.
//!
//! # Python's starlette-session
//!
//! Its own backends for Redis store pickles: `StarlettePickle` of the crate `session-compat` reads and writes them, as the
//! [codec](RedisBackendBuilder::codec). With a backend that stores JSON it shares sessions with us under an empty [`key_prefix`](session_core::SessionConfigBuilder::key_prefix), one secret and one
//! cookie name. (It needs a backend type as well: without one it ignores its `custom_session_backend`.)
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
//! Python compares nothing: each of its responses stores its session as a whole. That may undo the write of another
//! request, a logout included.
//!
//! # Connections and runtimes
//!
//! The crate needs Tokio. A call opens the connection that it needs, within its timeout, and no call waits for a connection
//! that can't be made: a refused one is an error at once. An idle connection that the server has closed, or a restart
//! between two requests, costs a new connection.
//!
//! A connection belongs to the runtime that opened it. So a backend in a `static` serves the runtimes of many tests, and a
//! handler that blocks the only thread of its runtime (actix-web has one runtime for each worker) delays no call of
//! another. There are as many connections as runtimes that use the backend, times the servers of a Cluster. A client or a
//! pool that the application brings stays on the runtime where it was connected, for all runtimes.
//!
//! # Outages
//!
//! Every call ends within the [timeout](RedisBackendBuilder::timeout), by default the request deadline of the manager. After five calls in a row without
//! an answer, calls fail fast while the server is probed every 100 ms; the first answer ends that. In our tests a call then
//! took 3 µs, and sessions worked again 10 to 110 ms after a server was restarted or went on. In a Cluster each server has
//! a circuit breaker of its own. After a replica had taken over, sessions worked again 10 to 100 ms later in a Cluster, and
//! up to 1.6 s later behind Sentinels, which take their time before they name it.
//!
//! A server that answers `READONLY`, `MASTERDOWN`, `LOADING` or `NOREPLICAS` may have been replaced. Its connection is left,
//! though it works, and the call is sent once more on a new connection, after a new look-up of the name. So a failover
//! behind one address, of a load balancer or of the DNS, goes unnoticed once the address has changed.
//!
//! Without a connection nothing is sent: no write waits in a queue for the server's return. A write that was sent before
//! the connection was lost may be applied late. It compares first, so that it never undoes a newer write. (One exception is
//! wanted: a late logout logs out.) If a request is dropped because its client is gone, a task waits for the reply to its
//! write.
//!
//! # The log
//!
//! Every error has a [source](std::error::Error::source) with the cause and the address. An outage is one line at error
//! level, however many requests fail, with the fields `server`, `cause` and `failures`. While it lasts, a further line
//! counts the failures at most every 10 seconds. Neither quotes a key, an id, a password or session data.
//!
//! | the log says | level |
//! |---|---|
//! | `the session store fails` | error |
//! | `the session store still fails` | error |
//! | `the session store answers again` | info |
//!
//! | cause | what to do |
//! |---|---|
//! | `connection refused`, `no connection within …`, `the name of its host is not known to the DNS` | Compare host and port of the URL with the server, and look for a firewall. |
//! | `no reply within …` | The server is overloaded, stopped or far away: look at its `SLOWLOG`, or raise the [timeout](RedisBackendBuilder::timeout). |
//! | `the server closed the connection` | Look into the server's log; a proxy may limit idle or long connections. |
//! | `… (NOAUTH)`, `… (WRONGPASS)` | Correct user and password of the URL; special characters are percent-encoded. |
//! | `the user lacks …`, `the user's ACL …` | Give the user the [ACL](#what-is-stored) above. |
//! | `the server has no database …` | Name a database below the server's setting `databases`, or none. |
//! | `… (READONLY)`, `… (MASTERDOWN)`, `… (NOREPLICAS)` | The address leads to a server that is not the primary: lead it to the primary, or use Sentinels. |
//! | `… (LOADING)`, `… (BUSY)`, `… (CLUSTERDOWN)` | Wait, or look into the server's log. |
//! | `… (OOM)` | Raise `maxmemory`; see below. |
//! | `… (MISCONF)` | Make room on the server's disk. |
//! | `… as many clients as its maxclients allows` | Raise `maxclients`, or use fewer runtimes. |
//! | `tls: …` | Compare the names in the server's certificate with the URL, and its issuer with the roots of the builder. |
//! | `the server belongs to a Cluster …`, `… is no part of a Cluster …` | Use the URL scheme for this kind of server. |
//! | `no Sentinel can be reached …`, `the Sentinels know no primary …` | Compare the addresses, the passwords and `sentinelServiceName` with the Sentinels. |
//!
//! # Operations
//!
//! - **Memory.** A session takes about 160 bytes more than its text. In Redis 7.0 a million sessions of 200 bytes of JSON
//!   are 360 MB of `used_memory`, and about 440 MB of the machine's. (`MEMORY USAGE` of one says 296 bytes: it leaves out
//!   its expiry.) A logout or a renewal takes up to 200 bytes for a minute. The entry of a user's session in the index takes
//!   75 bytes, measured with a million sessions of users who have ten each. To repeat it:
//!   `cargo test -p session-redis --test it -- --nocapture memory`, or `INFO memory` before and after.
//! - **`maxmemory-policy`.** With `noeviction` a full server refuses new sessions and writes (503); reading and logging
//!   out go on, and a refused renewal leaves the session as it was. With `volatile-ttl` or `allkeys-lru` sessions vanish,
//!   and their users are logged out. Keep sessions apart from a cache.
//! - **Persistence.** Without it a restart logs all users out. `appendonly yes` with `appendfsync everysec` loses up to a
//!   second of writes: a login, or a *logout*. `appendfsync always` loses none. A server that can't save its snapshots
//!   refuses writes (503), unless `stop-writes-on-bgsave-error no` is set.
//! - **Failover.** Replication is asynchronous. A login, a change or a logout that was acknowledged just before a primary
//!   died may be missing on the replica that takes over. `min-replicas-to-write 1` and `min-replicas-max-lag` bound the
//!   loss: a primary that lost its replicas then refuses writes, logouts too (503).
//! - **`WAIT`.** To know that a certain change has arrived, `save().await` the session. Then send a small write and
//!   `WAIT 1 100` on one connection of a client of your own: the reply is the number of replicas that have that write
//!   within 100 ms. Replicas get writes in their order, so those have the session's too. (In a Cluster, ask the server of
//!   the session's slot.) Do not use the client of [`RedisBackend::from_client`]: calls of other requests would wait behind
//!   it.
//! - **Cluster.** With `cluster-require-full-coverage no` a primary that fails concerns its own slots only; by default
//!   Redis stops all of them. A renewal takes three steps, because the new id may live elsewhere: the new session is
//!   written, the old one removed, and the new one taken back if that was not possible. If the servers fail between these
//!   steps, both may exist until they expire.
//! - **Commands.** `GET`, `EXPIRE`, `EVALSHA`, and `EVAL` where a server does not know a script yet; `PING` during outages;
//!   `SET` and `DEL` while a slot of a Cluster moves. Scripts are short, but a write to a long value hashes the stored one
//!   (1 MiB takes some milliseconds).

mod address;
mod backend;
mod cause;
mod cluster;
mod command;
mod config_error;
mod connection;
mod error;
mod eviction;
mod expiry;
mod format;
mod keys;
mod marker;
mod node;
mod reply;
mod scan;
mod script;
mod servers;
mod settings;
mod store;
#[cfg(feature = "tls")]
mod tls;
mod url;
mod user_index;

pub use backend::{RedisBackend, RedisBackendBuilder};
pub use config_error::RedisConfigError;
