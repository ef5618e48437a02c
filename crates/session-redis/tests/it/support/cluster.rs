//! Starts a Cluster.

use super::{Server, free_port, wait_for};

/// Three primaries that share the slots, and the replica of each.
pub(crate) struct Cluster {
    /// Three primaries, then the replica of each.
    pub(crate) servers: Vec<Server>,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        let bus_ports: Vec<u16> = (0..6).map(|_| free_port()).collect();
        let start = |bus_port: &u16| {
            let bus = bus_port.to_string();
            let options = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", "1000"];
            // By default one primary that fails takes the whole Cluster down until its replica takes over.
            let options = [&options[..], &["--cluster-require-full-coverage", "no"]].concat();
            Server::start(&[&options[..], &["--cluster-config-file", "nodes.conf"]].concat())
        };
        let cluster = Self { servers: bus_ports.iter().map(start).collect() };
        for (n, slots) in [(0, ["0", "5460"]), (1, ["5461", "10922"]), (2, ["10923", "16383"])] {
            cluster.servers[n].ask(&["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]]);
            cluster.servers[n].ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(n + 1).to_string()]);
        }
        for (server, bus_port) in cluster.servers.iter().zip(&bus_ports).skip(1) {
            let port = server.port.to_string();
            cluster.servers[0].ask(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus_port.to_string()]);
        }
        cluster.wait("all to have met", |server| {
            server.ask(&["CLUSTER", "NODES"])[0].lines().filter(|line| line.contains(" connected")).count() == 6
        });
        for n in 0..3 {
            cluster.servers[n + 3].ask(&["CLUSTER", "REPLICATE", &cluster.id(n)]);
        }
        cluster.wait("all to serve", |server| {
            let replicated = server.ask(&["CLUSTER", "NODES"])[0].matches("slave").count() == 3;
            replicated && server.ask(&["CLUSTER", "INFO"])[0].contains("cluster_state:ok")
        });
        for replica in &cluster.servers[3..] {
            wait_for("the replicas to follow", || replica.follows());
        }
        cluster
    }

    fn wait(&self, what: &str, done: impl Fn(&Server) -> bool) {
        wait_for(what, || self.servers.iter().all(&done));
    }

    pub(crate) fn id(&self, n: usize) -> String {
        self.servers[n].ask(&["CLUSTER", "MYID"]).remove(0)
    }

    pub(crate) fn primaries(&self) -> &[Server] {
        &self.servers[..3]
    }

    pub(crate) fn url(&self) -> String {
        let ports: Vec<u16> = self.servers.iter().map(|server| server.port).collect();
        format!("redis-cluster://127.0.0.1:{}?node=127.0.0.1:{}&node=127.0.0.1:{}", ports[0], ports[1], ports[5])
    }

    pub(crate) fn slot(&self, key: &str) -> u16 {
        self.servers[5].ask(&["CLUSTER", "KEYSLOT", key])[0].parse().expect("a slot is a number")
    }

    /// Returns the index of the primary that owns a slot.
    pub(crate) fn owner(&self, slot: u16) -> usize {
        [5461, 10923].iter().filter(|first| slot >= **first).count()
    }
}
