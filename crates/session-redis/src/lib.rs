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
//! | URL | meaning |
//! |---|---|
//! | `redis://user:password@host:6379/0` | a server; user, password, port and database are optional |
//! | `redis+unix:///run/redis.sock` | a server on a Unix socket |
//! | `redis-sentinel://host:26379/0?sentinelServiceName=name&node=host2:26379` | the primary that these Sentinels name |
//! | `redis-cluster://host:6379?node=host2:6379` | a Cluster that these servers belong to |
//!
//! In each scheme, `valkey` may replace `redis`. `rediss` means TLS and needs the feature `tls`; without the feature
//! such a URL is refused. Set root certificates and a client certificate at the [builder](RedisBackendBuilder).
//!
//! | parameter | for | meaning |
//! |---|---|---|
//! | `db` | all but a Cluster | the database, if the path does not name it |
//! | `timeout`, `socket_timeout` | all | the [timeout](RedisBackendBuilder::timeout) in seconds, such as `0.25`; it takes precedence over the builder |
//! | `node` | Sentinels, a Cluster | a further server, which may be given several times |
//! | `sentinelServiceName` | Sentinels | the name of the primary; required |
//! | `sentinelUsername`, `sentinelPassword` | Sentinels | the credentials of the Sentinels; those before the `@` are for the servers |
//!
//! Any other parameter is refused, even one that other libraries know. For a server on a Unix socket, write user and
//! password before any host name: `redis+unix://user:password@localhost/run/redis.sock`.
//!
//! With the feature `fred-10`, [`RedisBackend::from_client`] and [`RedisBackend::from_pool`] take a [fred
//! 10](https://docs.rs/fred/10) client that the application already has. The application then connects and reconnects
//! the client, with its own settings.
//!
//! # What is stored
//!
//! A session is a string under the key that the configuration makes (`session:` and the id), by default JSON that any
//! language can read. For a minute after a session was destroyed or renewed, the key `gone:{session:…}` holds its
//! marker. A marker holds no session data; the marker of a renewal holds the new key. A Redis user with an ACL needs
//! these rights:
//!
//! ```text
//! ~session:* ~gone:{session:* +get +set +del +expire +eval +evalsha +ping
//! ```
//!
//! In addition it needs
//!
//! - `+zadd +zrem +zrange +zremrangebyscore +expireat +pttl +time` if users sign in,
//! - `+scan +pttl` to count or scan sessions,
//! - `+cluster|slots +asking +zscore` in a Cluster,
//! - `+role` behind Sentinels, and
//! - `+select` for a database other than 0.
//!
//! A key prefix with a hash tag works in a Cluster: `key_prefix("{app}:")` keeps all sessions on one server. A prefix
//! with other braces does not work.
//!
//! A write is applied only if the stored value is still the one that was read. Other programs that write sessions store
//! no version, so the values themselves are compared: JSON of less than 512 bytes directly, longer values and values of
//! other codecs by their SHA-1. Two values with the same SHA-1 can only come from a program that writes both, and such
//! a program could write any other value as well. A value that was changed and changed back counts as unchanged.
//!
//! # The index of users
//!
//! The sessions of a user who [signed in](session_core::Session::sign_in) are listed in a sorted set under
//! `session:user:` and the user's id. Each entry is the key of a session. Its score is the time at which the entry
//! expires. The fraction of the score holds the entry's TTL in minutes, so the score also tells when the entry was
//! made. On one server a script writes session and entry in one step, so a sign-in needs no additional call. A listing
//! takes two calls for up to 500 sessions, and removes the entries of sessions that are gone, which takes one more. A
//! sign-in removes entries that have expired.
//!
//! In a Cluster the index is in another slot than the session. A sign-in takes one more call, because the entry is
//! added before the session is written. A refresh takes one more call, because it extends the entry before the session,
//! and a renewal two more. While the server of a user's index is down, these requests of the user fail. A listing removes
//! the entry of a session that is gone, which takes one more call. An entry that is younger than a minute stays, because
//! its session may be about to be written. Counting asks each server in turn.
//!
//! Set `maxmemory-policy` to `noeviction`, or at least to `volatile-ttl`, so that the server evicts only expiring keys.
//! If an index is evicted, `revoke_all` misses its sessions until their next refresh. The first sign-in asks the server
//! for its policy (`INFO memory`), and logs a warning if the policy begins with `allkeys-`. If the ACL lacks `+info`,
//! there is no warning.
//!
//! # Python's starlette-session
//!
//! starlette-session's own backends for Redis store pickles. `StarlettePickle` of the crate `session-compat` reads and
//! writes them; pass it as the [format](session_core::SessionConfigBuilder::format) of the configuration. With a backend
//! that stores JSON, starlette-session shares sessions with this crate under an empty
//! [`key_prefix`](session_core::SessionConfigBuilder::key_prefix), one secret and one cookie name. (It also needs a
//! backend type. Without one it ignores its `custom_session_backend`.)
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
//! Python does not compare versions: each of its responses stores the whole session. This can undo the write of another
//! request, even a logout.
//!
//! # Connections and runtimes
//!
//! The crate needs Tokio. A call opens the connection that it needs, within its timeout. If the connection is refused,
//! the call fails at once. If the server has closed an idle connection or was restarted between two requests, the next
//! call opens a new connection.
//!
//! A connection belongs to the Tokio runtime that opened it. A backend in a `static` can therefore serve the runtimes
//! of many tests. A handler that blocks the only thread of its runtime (actix-web has one runtime for each worker)
//! delays no call of another runtime. Each runtime that uses the backend has one connection to each server. A client or
//! pool of the application stays on the runtime where it was connected, and serves all runtimes.
//!
//! # Outages
//!
//! Every call ends within the [timeout](RedisBackendBuilder::timeout), by default the request deadline of the manager.
//! After five calls in a row without an answer, calls fail fast, and a task probes the server every 100 ms until it
//! answers. In our tests a call that failed fast took 3 µs, and sessions worked again 10 to 110 ms after a server was
//! restarted or resumed. In a Cluster each server has its own circuit breaker. After a replica had taken over, sessions
//! worked again within 10 to 100 ms in a Cluster, and within 1.6 s behind Sentinels. Sentinels need time before they
//! name the replica.
//!
//! A server that answers `READONLY`, `MASTERDOWN`, `LOADING` or `NOREPLICAS` may have been replaced. The backend then
//! gives up the working connection, looks up the name again, and sends the call once more on a new connection. So after
//! a failover behind one address, of a load balancer or of the DNS, requests succeed as soon as the address leads to
//! the new server.
//!
//! Without a connection nothing is sent, so no write waits in a queue until the server returns. A write that was sent
//! before the connection was lost may be applied late. It never undoes a newer write, because it compares first. (A
//! late logout does log out, which is intended.) If a request is dropped because its client has disconnected, a task
//! waits for the reply to its write.
//!
//! # The log
//!
//! Every error has a [source](std::error::Error::source) with the cause and the address. An outage is logged as one
//! line at level `error`, no matter how many requests fail, with the fields `store`, `server`, `cause` and `failures`.
//! While it lasts, a further line with the number of failures follows at most every 10 seconds. No error and no line
//! quotes a key, an id, a password or session data.
//!
//! | log line | level |
//! |---|---|
//! | `the session store fails` | error |
//! | `the session store still fails` | error |
//! | `the session store answers again` | info |
//!
//! | cause | what to do |
//! |---|---|
//! | `connection refused`, `no connection within …`, `the DNS does not know the name of the host` | Compare host and port of the URL with the server, and look for a firewall. |
//! | `no reply within …` | The server is overloaded, stopped or far away: look at its `SLOWLOG`, or raise the [timeout](RedisBackendBuilder::timeout). |
//! | `the server closed the connection` | Read the server's log. A proxy may close idle or long connections. |
//! | `… (NOAUTH)`, `… (WRONGPASS)` | Correct the user and password in the URL. Special characters must be percent-encoded. |
//! | `the user lacks …`, `the user's ACL …` | Give the user the [ACL](#what-is-stored) above. |
//! | `the server has no database …` | Name a database below the server's setting `databases`, or none. |
//! | `… (READONLY)`, `… (MASTERDOWN)`, `… (NOREPLICAS)` | The address leads to a server that is not a primary with enough replicas. Use the address of the primary, or Sentinels. |
//! | `… (LOADING)`, `… (BUSY)`, `… (CLUSTERDOWN)` | Wait, or read the server's log. |
//! | `… (OOM)` | Raise `maxmemory`; see below. |
//! | `… (MISCONF)` | Free space on the server's disk. |
//! | `… as many clients as its maxclients allows` | Raise `maxclients`, or use fewer runtimes. |
//! | `tls: …` | Compare the names in the server's certificate with the URL, and its issuer with the roots of the builder. |
//! | `the server belongs to a Cluster …`, `… does not belong to a Cluster …` | Use the URL scheme for this kind of server. |
//! | `no Sentinel can be reached …`, `the Sentinels know no primary …` | Compare the addresses, the passwords and `sentinelServiceName` with the Sentinels. |
//!
//! # Operations
//!
//! - **Memory.** A session takes about 160 bytes more than its text. In Redis 7.0 a million sessions of 200 bytes of
//!   JSON are 360 MB of `used_memory`, and about 440 MB of the machine's. (`MEMORY USAGE` of such a session reports 296
//!   bytes, without its expiry.) A logout or a renewal takes up to 200 bytes for a minute. The entry of a user's
//!   session in the index takes 75 bytes, measured with a million sessions of users who have ten each. To repeat it:
//!   `cargo test -p session-redis --test it -- --nocapture memory`, or `INFO memory` before and after.
//! - **`maxmemory-policy`.** With `noeviction` a full server refuses new sessions and writes (503). Reads and logouts
//!   still work, and a refused renewal leaves the session as it was. With `volatile-ttl` or `allkeys-lru` the server
//!   evicts sessions, and so logs their users out. Don't keep sessions and a cache on one server.
//! - **Persistence.** Without it, a restart logs all users out. With `appendonly yes` and `appendfsync everysec`, a
//!   crash loses up to a second of writes, which may be a login or a *logout*. With `appendfsync always` it loses none.
//!   A server that can't save its snapshots refuses writes (503), unless `stop-writes-on-bgsave-error no` is set.
//! - **Failover.** Replication is asynchronous. A login, a change or a logout that was acknowledged just before a
//!   primary died may be missing on the replica that takes over. `min-replicas-to-write 1` and `min-replicas-max-lag`
//!   limit the loss: a primary that has lost its replicas then refuses writes, including logouts (503).
//! - **`WAIT`.** To make sure that a certain change has reached a replica, call `save().await` on the session. Then
//!   send a small write and `WAIT 1 100` on one connection of a separate client. The reply is the number of replicas
//!   that have received that write within 100 ms. Replicas receive writes in order, so they have the session's write as
//!   well. (In a Cluster, ask the server of the session's slot.) Do not use the client of
//!   [`RedisBackend::from_client`], because calls of other requests would wait behind the `WAIT`.
//! - **Cluster.** With `cluster-require-full-coverage no`, a primary that fails affects only its own slots; by default
//!   Redis stops all slots. A renewal takes several steps, because the new key may be on another server: the new
//!   session is written, and then the old one removed. If the removal fails, the new session is removed again. If the
//!   servers fail between these steps, both sessions may exist until they expire.
//! - **Commands.** The backend sends `GET`, `EXPIRE` and `EVALSHA`; `EVAL` if a server does not know a script yet;
//!   `PING` during outages; `INFO` at the first sign-in; `TIME` for `server_time`; `SCAN` to count or scan; and in a
//!   Cluster `CLUSTER SLOTS`, `ASKING`, `SET` and `DEL`. Scripts are short, but a write to a long value hashes the
//!   stored value, which takes some milliseconds for 1 MiB.

mod address;
mod backend;
mod cause;
mod cluster;
mod command;
mod config_error;
mod connection;
mod error;
mod expiry;
mod format;
mod keys;
mod marker;
mod node;
mod reply;
mod scan;
mod script;
mod server_facts;
mod servers;
mod settings;
mod store;
#[cfg(feature = "tls")]
mod tls;
mod url;
mod user_index;

pub use backend::{RedisBackend, RedisBackendBuilder};
pub use config_error::RedisConfigError;
