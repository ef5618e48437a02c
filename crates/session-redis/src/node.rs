//! One server, or a set of them that the client treats as one.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use fred::clients::{Client, Pool};
use fred::interfaces::ClientLike;
use fred::types::Value;
use fred::types::config::Options;
use session_core::{Applied, BackendErrorKind};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::background::{Background, UnderWay};
use crate::breaker::Breaker;
use crate::command::{Command, PING};
use crate::deadline::Deadline;
use crate::error::{CallError, RedisConfigError};
use crate::settings::Settings;

/// The least time that a call is given.
const SHORTEST: Duration = Duration::from_millis(1);

/// How much longer than its timeout a call may take: its own timer must fire first, because it knows whether the command
/// was sent.
pub(crate) const TIMEOUT_MARGIN: Duration = Duration::from_millis(10);

/// The pause between two probes of a server that does not answer.
const PROBE_PAUSE: Duration = Duration::from_millis(100);

/// The pause before a client that gave up is started again.
const RESTART_PAUSE: Duration = Duration::from_millis(250);

/// A connection that comes back by itself, and a breaker.
pub(crate) struct Node {
    pool: Pool,
    timeout: Duration,
    breaker: Breaker,
    /// Asks a server that does not answer.
    probing: Background,
    /// A client of our own; one of the application's is its own concern.
    owned_client: Option<OwnedClient>,
}

/// Keeps a client running.
#[derive(Default)]
struct OwnedClient {
    running: Background,
    task: Mutex<Option<AbortOnDrop>>,
}

impl Node {
    /// A client of our own, which is started at once or, outside a runtime, by the first call.
    pub(crate) fn new(settings: &Settings) -> Result<Arc<Self>, RedisConfigError> {
        let node =
            Self::with(settings.client()?, settings.timeout, settings.breaker_threshold, Some(OwnedClient::default()));
        if Handle::try_current().is_ok() {
            node.start();
        }
        Ok(node)
    }

    /// A client of the application's.
    pub(crate) fn external(pool: Pool, timeout: Duration, breaker_threshold: u32) -> Arc<Self> {
        Self::with(pool, timeout, breaker_threshold, None)
    }

    fn with(pool: Pool, timeout: Duration, threshold: u32, owned_client: Option<OwnedClient>) -> Arc<Self> {
        Arc::new(Self { pool, timeout, breaker: Breaker::new(threshold), probing: Background::default(), owned_client })
    }

    /// Whether it is likely to answer.
    pub(crate) fn is_healthy(&self) -> bool {
        !self.breaker.is_open() && self.pool.next_connected().is_connected()
    }

    /// Returns the deadline of a call that begins now.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::after(self.timeout)
    }

    /// Sends a command and waits for the reply, within the deadline. Does not even try if the last calls had no answer.
    ///
    /// A command that writes is to be polled to its end: whoever stops before leaves it behind, and it may be sent long
    /// after.
    pub(crate) async fn call(
        self: &Arc<Self>,
        command: Command<'_>,
        deadline: Deadline,
        asking: bool,
    ) -> Result<Value, CallError> {
        if self.breaker.is_open() {
            self.probe();
            return Err(CallError::unavailable());
        }
        let mut waiting = Waiting { node: self, until: deadline.until(), over: false };
        let outcome = self.attempt(command, deadline, asking).await;
        waiting.over = true;
        match &outcome {
            Err(failure) if failure.is_outage() => self.unanswered(),
            _ => self.heard(),
        }
        outcome
    }

    /// The same in a box of its own, where it is made: whoever moves the future of a call moves five kilobytes.
    pub(crate) fn boxed_call<'a>(
        self: &'a Arc<Self>,
        command: Command<'a>,
        deadline: Deadline,
    ) -> Pin<Box<dyn Future<Output = Result<Value, CallError>> + Send + 'a>> {
        // `Box::pin` would make it elsewhere, ask for memory, and move it.
        let place = Box::new_uninit();
        let call: Pin<Box<_>> = Box::write(place, self.call(command, deadline, false)).into();
        call
    }

    async fn attempt(&self, command: Command<'_>, deadline: Deadline, asking: bool) -> Result<Value, CallError> {
        self.start();
        let client = self.pool.next_connected();
        let connected = client.is_connected();
        if !connected {
            // Not left to fred: what waits in its queue can't be taken back, and whether it was sent can't be told.
            Box::pin(wait_for_connection(client, deadline.until())).await?;
        }
        // The settings of our own client say the same, where the whole deadline is left.
        if self.owned_client.is_some() && !asking && connected && deadline.is_whole() {
            return command.send(client).await;
        }
        let left = deadline.left().max(SHORTEST);
        // Boxed: a call of our own client is no larger for it.
        let options = Options { timeout: Some(left), max_attempts: Some(1), fail_fast: true, ..Options::default() };
        let reply = Box::pin(async {
            if asking {
                command.send_asking(&client.pipeline().with_options(&options)).await
            } else {
                command.send(&client.with_options(&options)).await
            }
        });
        // fred counts from when it sends. A client of the application's may have to end first what blocks its connection.
        let late = |_| CallError::new(BackendErrorKind::Timeout, Applied::Maybe);
        timeout(left + TIMEOUT_MARGIN, reply).await.map_err(late)?
    }

    fn unanswered(self: &Arc<Self>) {
        if self.breaker.unanswered() {
            tracing::warn!("redis does not answer: calls fail at once until it does");
            self.probe();
        }
    }

    fn heard(&self) {
        if self.breaker.answered() {
            tracing::info!("redis answers again");
        }
    }

    /// Asks the server from time to time, until it answers or nobody needs it any more.
    fn probe(self: &Arc<Self>) {
        if let Some(under_way) = self.probing.begin() {
            tokio::spawn(probe(Arc::downgrade(self), under_way));
        }
    }

    /// Starts our own client, if that was not done yet, and again whenever it gives up.
    fn start(&self) {
        let Some(owned_client) = &self.owned_client else { return };
        let Some(under_way) = owned_client.running.begin() else { return };
        let client = self.pool.next().clone();
        let task = AbortOnDrop(tokio::spawn(async move {
            let _under_way = under_way;
            loop {
                let mut running = AbortOnDrop(client.connect());
                if let Ok(Err(error)) = (&mut running.0).await {
                    tracing::warn!(kind = error.kind().to_str(), "the client of redis gave up, it is started again");
                }
                sleep(RESTART_PAUSE).await;
            }
        }));
        *owned_client.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }
}

/// A call whose caller may lose patience.
struct Waiting<'a> {
    node: &'a Arc<Node>,
    until: Instant,
    over: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.over || Handle::try_current().is_err() {
            return;
        }
        // Whoever waits about as long as the server was given has had no answer; a request that was dropped says nothing.
        if self.until.saturating_duration_since(Instant::now()) < self.node.timeout / 10 {
            self.node.unanswered();
        }
    }
}

async fn wait_for_connection(client: &Client, until: Instant) -> Result<(), CallError> {
    let connected = timeout_at(until, client.wait_for_connect()).await;
    // A connection that was made between the look at the state and the subscription is not announced again.
    if matches!(connected, Ok(Ok(()))) || client.is_connected() { Ok(()) } else { Err(CallError::unavailable()) }
}

async fn probe(node: Weak<Node>, _under_way: UnderWay) {
    let mut missed = 0_u32;
    loop {
        sleep(PROBE_PAUSE).await;
        let Some(node) = node.upgrade() else { return };
        if node.breaker.is_open() {
            match node.attempt(PING, node.deadline(), false).await {
                Err(failure) if failure.is_outage() => missed += 1,
                _ => node.heard(),
            }
        }
        if !node.breaker.is_open() {
            // If a call opens it again before this task is gone, the next call has it probed.
            return;
        }
        // A server that was stopped, or whose host is gone, leaves the connection open: a new one may end elsewhere. Not of
        // a client of the application's, which others may be waiting for.
        if missed.is_multiple_of(2) && node.owned_client.is_some() {
            let reconnected = timeout(2 * node.timeout, node.pool.next().force_reconnection()).await;
            tracing::debug!(success = matches!(reconnected, Ok(Ok(()))), "connecting to redis anew");
        }
    }
}

struct AbortOnDrop(JoinHandle<Result<(), fred::error::Error>>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use fred::bytes::Bytes;

    use super::*;
    use crate::command::Word;
    use crate::script::REPLACE;
    use crate::servers::Servers;

    const TIMEOUT: Duration = Duration::from_secs(1);

    /// A server that lets its clients wait for a connection and for news of a script, but answers neither ASKING nor EVAL.
    fn listen(connection: Duration, script: Duration) -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let url = format!("redis://127.0.0.1:{}", listener.local_addr().expect("it is bound").port());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                thread::spawn(move || serve(client, connection, script));
            }
        });
        url
    }

    fn serve(mut client: TcpStream, connection: Duration, script: Duration) {
        thread::sleep(connection);
        let mut bytes = [0; 4096];
        while let Ok(len @ 1..) = client.read(&mut bytes) {
            let asked = String::from_utf8_lossy(&bytes[..len]);
            let reply = match () {
                () if asked.contains("EVALSHA") => {
                    thread::sleep(script);
                    b"-NOSCRIPT No matching script.\r\n".to_vec()
                }
                () if asked.contains("EVAL") || asked.contains("ASKING") => continue,
                () => b"+OK\r\n".repeat(asked.matches('*').count()),
            };
            if client.write_all(&reply).is_err() {
                return;
            }
        }
    }

    fn client(url: &str) -> Arc<Node> {
        let (config, _) = Settings::parse(url).unwrap();
        Node::new(&Settings { config, timeout: TIMEOUT, breaker_threshold: 5 }).unwrap()
    }

    #[tokio::test]
    async fn a_script_that_the_server_does_not_know_has_only_the_rest_for_its_text() {
        let node = client(&listen(Duration::ZERO, TIMEOUT * 3 / 4));
        wait_for_connection(node.pool.next(), node.deadline().until()).await.unwrap();
        let servers = Servers::Node { node, clustered: false };
        let start = Instant::now();
        let outcome = servers.run(&REPLACE, &[Bytes::from_static(b"a")], &[Word::Fixed("b")]).await;
        assert!(outcome.is_err_and(|failure| failure.may_be_applied()), "it was sent");
        assert!((TIMEOUT..TIMEOUT * 5 / 4).contains(&start.elapsed()), "{:?}", start.elapsed());
    }

    #[tokio::test]
    async fn whoever_has_waited_for_the_connection_has_only_the_rest_for_an_answer() {
        for asking in [false, true] {
            let node = client(&listen(TIMEOUT * 3 / 4, Duration::ZERO));
            let start = Instant::now();
            let outcome = node.call(Command::Plain("EVAL"), node.deadline(), asking).await;
            assert!(outcome.unwrap_err().may_be_applied(), "it was sent");
            assert!(start.elapsed() < TIMEOUT * 5 / 4, "{:?}", start.elapsed());
        }
    }
}
