//! A Redis with an append-only file, or a Cluster of three, and everything that it holds.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use session_core::{SessionConfig, SessionManager};
use session_redis::RedisBackend;
use session_test_support::{RedisServer, free_port};

use crate::demo::{PATIENCE, SECRET};

/// Lists all sessions of users, each as its user and its reference.
const SCAN: &str = "#!lua flags=allow-cross-slot-keys
local found = {}
for _, key in ipairs(redis.call('KEYS', 'session:*')) do
    if redis.call('TYPE', key).ok == 'string' then
        local record = cjson.decode(redis.call('GET', key))['__session']
        if record and record.user then found[#found + 1] = record.user.id .. ' ' .. record.user.ref end
    end
end
return found";

/// Lists the keys of all sessions.
const KEYS: &str = "#!lua flags=allow-cross-slot-keys
local found = {}
for _, key in ipairs(redis.call('KEYS', 'session:*')) do
    if redis.call('TYPE', key).ok == 'string' then found[#found + 1] = key end
end
return found";

/// Lists all entries of the index.
const ENTRIES: &str = "#!lua flags=allow-cross-slot-keys
local found = {}
for _, key in ipairs(redis.call('KEYS', 'session:user:*')) do
    for _, entry in ipairs(redis.call('ZRANGE', key, 0, -1)) do found[#found + 1] = entry end
end
return found";

/// Moves back the time at which each entry of the index was made, by two minutes.
const AGE: &str = "#!lua flags=allow-cross-slot-keys
for _, key in ipairs(redis.call('KEYS', 'session:user:*')) do
    for _, entry in ipairs(redis.call('ZRANGE', key, 0, -1)) do redis.call('ZINCRBY', key, 2 / 1048576, entry) end
end
return 1";

const SLOTS: [[&str; 2]; 3] = [["0", "5460"], ["5461", "10922"], ["10923", "16383"]];

pub(crate) struct Store {
    /// One, or the three of a Cluster.
    servers: Vec<RedisServer>,
}

impl Store {
    pub(crate) fn single() -> Self {
        Self { servers: vec![RedisServer::start(&["--appendonly", "yes"])] }
    }

    /// Three primaries without replicas. They lose no acknowledged write, because an index and its sessions are on different
    /// servers.
    pub(crate) fn cluster() -> Self {
        let bus_ports = [(); 3].map(|()| free_port().to_string());
        let start = |bus: &String| {
            let options = ["--appendonly", "yes", "--appendfsync", "always", "--cluster-enabled", "yes"];
            let cluster = ["--cluster-port", bus, "--cluster-require-full-coverage", "no"];
            RedisServer::start(&[&options[..], &cluster].concat())
        };
        let servers: Vec<_> = bus_ports.iter().map(start).collect();
        for (number, (server, [first, last])) in servers.iter().zip(SLOTS).enumerate() {
            server.ask(&["CLUSTER", "ADDSLOTSRANGE", first, last]);
            server.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]);
            server.ask(&["CLUSTER", "MEET", "127.0.0.1", &servers[0].port.to_string(), &bus_ports[0]]);
        }
        let store = Self { servers };
        store.wait_until_served();
        store
    }

    pub(crate) fn is_clustered(&self) -> bool {
        self.servers.len() > 1
    }

    pub(crate) fn url(&self) -> String {
        let port = self.servers[0].port;
        if self.is_clustered() {
            let nodes = self.servers[1..].iter().map(|server| format!("node=127.0.0.1:{}", server.port));
            return format!("redis-cluster://127.0.0.1:{port}?{}", nodes.collect::<Vec<_>>().join("&"));
        }
        format!("redis://127.0.0.1:{port}")
    }

    pub(crate) fn kill_and_restart(&mut self) {
        let last = self.servers.len() - 1;
        self.servers[last].kill();
        self.servers[last].run();
        self.wait_until_served();
    }

    fn wait_until_served(&self) {
        let start = Instant::now();
        let is_served = |server: &RedisServer| {
            let info = server.ask(&["CLUSTER", "INFO"]).remove(0);
            info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384")
        };
        while self.is_clustered() && !self.servers.iter().all(is_served) {
            assert!(start.elapsed() < PATIENCE, "the Cluster does not serve");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns all sessions of users, as a scan of the stored values finds them.
    pub(crate) fn scan(&self) -> BTreeSet<String> {
        self.servers.iter().flat_map(|server| server.ask(&["EVAL", SCAN, "0"])).collect()
    }

    /// Makes the entries of the index so old that no sign-in of theirs can be under way.
    pub(crate) fn age_entries(&self) {
        self.servers.iter().for_each(|server| drop(server.ask(&["EVAL", AGE, "0"])));
    }

    /// Returns the keys of all sessions.
    pub(crate) fn keys(&self) -> BTreeSet<String> {
        self.servers.iter().flat_map(|server| server.ask(&["EVAL", KEYS, "0"])).collect()
    }

    /// Returns the entries of the index, which are keys of sessions.
    pub(crate) fn entries(&self) -> BTreeSet<String> {
        self.servers.iter().flat_map(|server| server.ask(&["EVAL", ENTRIES, "0"])).collect()
    }

    /// Returns all sessions of users, as the index lists them.
    pub(crate) async fn listed(&self, users: usize) -> BTreeSet<String> {
        let backend = RedisBackend::builder().timeout(PATIENCE).connect(&self.url()).unwrap();
        let config = SessionConfig::builder(SECRET, "session").backend(backend).request_deadline(PATIENCE);
        // It only reads the sessions, so their lifetime does not matter.
        let manager = SessionManager::new(config.build().unwrap());
        let mut listed = BTreeSet::new();
        for user in (0..users).map(|user| format!("user{user}")) {
            let sessions = manager.sessions_of(&user).await.unwrap();
            listed.extend(sessions.iter().map(|session| format!("{user} {}", session.reference())));
        }
        listed
    }
}
