//! A Redis Cluster: its servers, and the slots that each owns.
//!
//! fred has a client for Clusters, but while it reconnects to one server it serves no calls to the others. Here every
//! server has its own connections and breaker, so a server that is down affects only its own slots.

mod layout;

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use fred::types::Value;
use session_backend_support::{Background, PerRuntime};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::address::Address;
use crate::command::{CLUSTER_SLOTS, Command};
use crate::error::CallError;
use crate::node::Node;
use crate::settings::Settings;

use layout::Layout;

/// The number of redirections that one call follows.
const MAX_REDIRECTIONS: usize = 4;

/// The pause between two requests for the Cluster's layout.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// The time that one server has to return the layout before the next one is asked as well.
const ASK_PAUSE: Duration = Duration::from_millis(25);

pub(crate) struct Cluster {
    settings: Settings,
    seeds: Vec<Address>,
    /// The servers that the URL, a layout or a redirection has named.
    nodes: Mutex<HashMap<Address, Arc<Node>>>,
    /// Ordered by slot.
    owners: RwLock<Vec<(RangeInclusive<u16>, Arc<Node>)>>,
    looks: PerRuntime<Look>,
}

/// The requests of one runtime for the layout.
#[derive(Default)]
struct Look {
    last: tokio::sync::Mutex<Option<Instant>>,
    under_way: Background,
}

impl Cluster {
    pub(crate) fn new(settings: Settings) -> Arc<Self> {
        let cluster = Self {
            seeds: settings.seeds(),
            settings,
            nodes: Mutex::default(),
            owners: RwLock::default(),
            looks: PerRuntime::new(),
        };
        for seed in &cluster.seeds {
            cluster.node(seed);
        }
        Arc::new(cluster)
    }

    /// Sends a command to the owner of its slot, and follows redirections.
    pub(crate) async fn call(self: &Arc<Self>, command: Command<'_>) -> Result<Value, CallError> {
        let slot = command.slot();
        let mut node = match self.owner(slot) {
            Some(node) => node,
            None => {
                self.look(Instant::now()).await?;
                let unowned = || CallError::unavailable("no server of the Cluster owns the slot of the key");
                self.owner(slot).ok_or_else(unowned)?
            }
        };
        let mut asking = false;
        for _ in 0..=MAX_REDIRECTIONS {
            match node.call(command, node.deadline(), asking).await {
                Err(CallError::Moved(to)) => {
                    self.look_soon();
                    node = self.node(&to);
                    asking = false;
                }
                Err(CallError::Ask(to)) => {
                    node = self.node(&to);
                    asking = true;
                }
                outcome => {
                    if outcome.as_ref().is_err_and(|error| error.is_outage() || error.is_wrong_server()) {
                        self.look_soon();
                    }
                    return outcome;
                }
            }
        }
        Err(CallError::unavailable("the servers of the Cluster redirect to each other"))
    }

    /// Returns the servers that own slots.
    pub(crate) async fn owners(&self) -> Result<Vec<Arc<Node>>, CallError> {
        self.look(Instant::now()).await?;
        let owners = self.owners.read().unwrap_or_else(PoisonError::into_inner);
        let mut nodes: Vec<Arc<Node>> = Vec::new();
        for (_, node) in owners.iter() {
            if !nodes.iter().any(|known| Arc::ptr_eq(known, node)) {
                nodes.push(node.clone());
            }
        }
        Ok(nodes)
    }

    fn owner(&self, slot: u16) -> Option<Arc<Node>> {
        let owners = self.owners.read().unwrap_or_else(PoisonError::into_inner);
        let at = owners.partition_point(|(slots, _)| *slots.end() < slot);
        owners.get(at).filter(|(slots, _)| slots.contains(&slot)).map(|(_, node)| node.clone())
    }

    fn node(&self, address: &Address) -> Arc<Node> {
        let new = || Node::new(self.settings.for_server(address));
        self.nodes().entry(address.clone()).or_insert_with(new).clone()
    }

    fn nodes(&self) -> MutexGuard<'_, HashMap<Address, Arc<Node>>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for the layout in a separate task, at most every [`LOOK_PAUSE`].
    fn look_soon(self: &Arc<Self>) {
        let Some(under_way) = self.looks.get(Look::default).under_way.begin() else { return };
        let cluster = self.clone();
        tokio::spawn(async move {
            let _under_way = under_way;
            // The servers have reported their failures.
            let _outcome = cluster.look(Instant::now()).await;
            sleep(LOOK_PAUSE).await;
        });
    }

    /// Adopts the layout that one of the servers returns, unless another call has done so since `noticed`.
    async fn look(&self, noticed: Instant) -> Result<(), CallError> {
        let look = self.looks.get(Look::default);
        let mut last_look = look.last.lock().await;
        if last_look.is_some_and(|last| last >= noticed) {
            return Ok(());
        }
        let mut candidates: Vec<(Address, Arc<Node>)> =
            self.nodes().iter().map(|(address, node)| (address.clone(), node.clone())).collect();
        candidates.sort_by_key(|(_, node)| !node.is_healthy());
        let layout = ask_for_layout(candidates).await;
        *last_look = Some(Instant::now());
        self.adopt(layout?);
        Ok(())
    }

    fn adopt(&self, layout: Layout) {
        let owners = layout.ranges.iter().map(|(slots, address)| (slots.clone(), self.node(address))).collect();
        *self.owners.write().unwrap_or_else(PoisonError::into_inner) = owners;
        // A server that nothing refers to any more closes its connections.
        self.nodes().retain(|address, _| layout.knows(address) || self.seeds.contains(address));
    }
}

/// Asks one server after the other for the layout. The next one is asked soon, because the first may be gone.
async fn ask_for_layout(candidates: Vec<(Address, Arc<Node>)>) -> Result<Layout, CallError> {
    let (mut candidates, mut asked) = (candidates.into_iter(), JoinSet::new());
    let mut failure = CallError::unavailable("no server of the Cluster returns the owners of its slots");
    loop {
        if let Some((address, node)) = candidates.next() {
            asked.spawn(async move {
                let reply = node.call(CLUSTER_SLOTS, node.deadline(), false).await?;
                Ok(Layout::read(reply, &address))
            });
        } else if asked.is_empty() {
            return Err(failure);
        }
        match timeout(ASK_PAUSE, asked.join_next()).await {
            Ok(Some(Ok(Ok(Some(layout))))) => {
                // The other calls have to be polled to their end.
                asked.detach_all();
                return Ok(layout);
            }
            Ok(Some(Ok(Err(error)))) => failure = error,
            _ => {}
        }
    }
}
