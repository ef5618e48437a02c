//! Behind Sentinels.

use std::time::{Duration, Instant};

use session_core::{AtomicBackend, ISessionBackend, Replaced};
use session_redis::RedisBackend;

use crate::support::{HOUR, Lag, Server, create, free_port, map, stored, until};

struct Deployment {
    primary: Server,
    replica: Server,
    sentinels: Vec<Server>,
}

impl Deployment {
    fn start() -> Self {
        let primary = Server::start(&[]);
        let replica = Server::start(&["--replicaof", "127.0.0.1", &primary.port.to_string()]);
        let sentinels = (0..3).map(|_| sentinel(&primary)).collect();
        let deployment = Self { primary, replica, sentinels };
        deployment.wait("the replica to follow", || {
            deployment.replica.ask(&["INFO", "replication"])[0].contains("master_link_status:up")
        });
        for sentinel in &deployment.sentinels {
            deployment.wait("the sentinels to know each other and the replica", || {
                let facts = sentinel.ask(&["SENTINEL", "MASTER", "sessions"]);
                let fact = |name: &str| facts.iter().skip_while(|fact| *fact != name).nth(1).cloned();
                fact("num-other-sentinels").as_deref() == Some("2") && fact("num-slaves").as_deref() == Some("1")
            });
        }
        deployment
    }

    fn wait(&self, what: &str, done: impl Fn() -> bool) {
        let start = Instant::now();
        while !done() {
            assert!(start.elapsed() < Duration::from_secs(30), "waiting for {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn url(&self) -> String {
        let [first, others @ ..] = &self.sentinels[..] else { panic!("there are three") };
        let others: String = others.iter().map(|other| format!("&node=127.0.0.1:{}", other.port)).collect();
        format!("redis-sentinel://127.0.0.1:{}?sentinelServiceName=sessions{others}", first.port)
    }
}

fn sentinel(primary: &Server) -> Server {
    let mut sentinel = Server::new(free_port(), &["--sentinel"]);
    sentinel.configure(&format!(
        "sentinel monitor sessions 127.0.0.1 {} 2
sentinel down-after-milliseconds sessions 500
sentinel failover-timeout sessions 3000
",
        primary.port
    ));
    sentinel.run();
    sentinel
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_primary_died_or_froze_sessions_go_on_with_its_replica() {
    for kill in [true, false] {
        let mut deployment = Deployment::start();
        let backend = RedisBackend::connect(&deployment.url()).unwrap();
        let mut version = create(&backend, "session:a", r#"{"n":0}"#).await;
        assert_eq!(deployment.primary.ask(&["EXISTS", "session:a"]), ["1"]);
        assert_eq!(deployment.primary.ask(&["WAIT", "1", "5000"]), ["1"]);

        if kill {
            deployment.primary.kill()
        } else {
            deployment.primary.pause()
        }
        let (lag, start) = (Lag::watch(), Instant::now());
        let mut slowest = Duration::ZERO;
        // Requests go on all the while, and each ends in time.
        loop {
            let call = Instant::now();
            let outcome = backend.replace("session:a", &map(r#"{"n":1}"#), HOUR, &version).await;
            slowest = slowest.max(call.elapsed());
            match outcome {
                Ok(Replaced::Replaced(_)) => break,
                Ok(Replaced::Conflict(current)) => version = current.version,
                Ok(Replaced::Gone) => panic!("a replicated session is lost"),
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
            assert!(start.elapsed() < Duration::from_secs(30), "there is no failover");
        }
        println!("killed: {kill}, writes again after {:?}, slowest call {slowest:?}", start.elapsed());
        assert!(slowest < Duration::from_millis(300) + lag.allowance(), "{slowest:?}");
        assert_eq!(deployment.replica.ask(&["GET", "session:a"]), [r#"{"n":1}"#]);

        // The old primary comes back as a replica, and nobody writes to it.
        if kill {
            deployment.primary.run()
        } else {
            deployment.primary.resume()
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let answered = || async { backend.get("session:a").await.is_ok() };
        until("the old primary's return", Duration::from_secs(5), answered).await;
        assert_eq!(stored(&backend, "session:a").await.as_deref(), Some(r#"{"n":1}"#));
    }
}
