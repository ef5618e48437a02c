//! A Redis Cluster: which server owns which slot.
//!
//! fred can do that too, but while it reconnects to one server of a Cluster it serves no call to any other. Here every
//! server has a client and a breaker of its own, and one that is down concerns its own slots only.

mod layout;

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use fred::types::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::address::Address;
use crate::background::Background;
use crate::command::{CLUSTER_SLOTS, Command};
use crate::error::{CallError, RedisConfigError};
use crate::node::Node;
use crate::settings::Settings;

use layout::Layout;

/// How many redirections one call follows.
const MAX_REDIRECTIONS: usize = 4;

/// The pause after one look at the Cluster's layout and before the next.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// How long one server is waited for before the next is asked for the layout too.
const ASK_PAUSE: Duration = Duration::from_millis(25);

pub(crate) struct Cluster {
    settings: Settings,
    seeds: Vec<Address>,
    /// A client for each server that was named or met.
    nodes: Mutex<HashMap<Address, Arc<Node>>>,
    /// Ordered by slot.
    owners: RwLock<Vec<(RangeInclusive<u16>, Arc<Node>)>>,
    last_look: tokio::sync::Mutex<Option<Instant>>,
    looking: Background,
}

impl Cluster {
    pub(crate) fn new(settings: Settings) -> Result<Arc<Self>, RedisConfigError> {
        let cluster = Self {
            seeds: settings.seeds(),
            settings,
            nodes: Mutex::default(),
            owners: RwLock::default(),
            last_look: tokio::sync::Mutex::default(),
            looking: Background::default(),
        };
        for seed in &cluster.seeds {
            cluster.node(seed)?;
        }
        Ok(Arc::new(cluster))
    }

    /// Sends a command to the owner of its slot, wherever that has moved.
    pub(crate) async fn call(self: &Arc<Self>, command: Command<'_>) -> Result<Value, CallError> {
        let slot = command.slot();
        let mut node = match self.owner(slot) {
            Some(node) => node,
            None => {
                self.look(Instant::now()).await;
                self.owner(slot).ok_or_else(CallError::unavailable)?
            }
        };
        let mut asking = false;
        for _ in 0..=MAX_REDIRECTIONS {
            match node.call(command, node.deadline(), asking).await {
                Err(CallError::Moved(to)) => {
                    self.look_soon();
                    node = self.node(&to).map_err(|_| CallError::unavailable())?;
                    asking = false;
                }
                Err(CallError::Ask(to)) => {
                    node = self.node(&to).map_err(|_| CallError::unavailable())?;
                    asking = true;
                }
                outcome => {
                    if outcome.as_ref().is_err_and(CallError::is_outage) {
                        self.look_soon();
                    }
                    return outcome;
                }
            }
        }
        Err(CallError::unavailable())
    }

    fn owner(&self, slot: u16) -> Option<Arc<Node>> {
        let owners = self.owners.read().unwrap_or_else(PoisonError::into_inner);
        let at = owners.partition_point(|(slots, _)| *slots.end() < slot);
        owners.get(at).filter(|(slots, _)| slots.contains(&slot)).map(|(_, node)| node.clone())
    }

    fn node(&self, address: &Address) -> Result<Arc<Node>, RedisConfigError> {
        let mut nodes = self.nodes();
        if let Some(node) = nodes.get(address) {
            return Ok(node.clone());
        }
        let node = Node::new(&self.settings.for_server(address))?;
        nodes.insert(address.clone(), node.clone());
        Ok(node)
    }

    fn nodes(&self) -> MutexGuard<'_, HashMap<Address, Arc<Node>>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the layout in a task of its own, at most every [`LOOK_PAUSE`].
    fn look_soon(self: &Arc<Self>) {
        let Some(under_way) = self.looking.begin() else { return };
        let cluster = self.clone();
        tokio::spawn(async move {
            let _under_way = under_way;
            cluster.look(Instant::now()).await;
            sleep(LOOK_PAUSE).await;
        });
    }

    /// Takes over the layout that one of the servers tells, unless somebody did so since `noticed`.
    async fn look(&self, noticed: Instant) {
        let mut last_look = self.last_look.lock().await;
        if last_look.is_some_and(|last| last >= noticed) {
            return;
        }
        let mut candidates: Vec<(Address, Arc<Node>)> =
            self.nodes().iter().map(|(address, node)| (address.clone(), node.clone())).collect();
        candidates.sort_by_key(|(_, node)| !node.is_healthy());
        if let Some(layout) = ask_for_layout(candidates).await {
            self.adopt(layout);
        }
        *last_look = Some(Instant::now());
    }

    fn adopt(&self, layout: Layout) {
        let mut owners = Vec::with_capacity(layout.ranges.len());
        for (slots, address) in &layout.ranges {
            if let Ok(node) = self.node(address) {
                owners.push((slots.clone(), node));
            }
        }
        *self.owners.write().unwrap_or_else(PoisonError::into_inner) = owners;
        // A client that nobody holds any more ends its connection.
        self.nodes().retain(|address, _| layout.knows(address) || self.seeds.contains(address));
    }
}

/// Asks one server after the other, and doesn't wait long before the next is asked too: the first may be gone.
async fn ask_for_layout(candidates: Vec<(Address, Arc<Node>)>) -> Option<Layout> {
    let (mut candidates, mut asked) = (candidates.into_iter(), JoinSet::new());
    loop {
        if let Some((address, node)) = candidates.next() {
            asked.spawn(async move {
                let reply = node.call(CLUSTER_SLOTS, node.deadline(), false).await;
                Layout::read(reply.ok()?, &address)
            });
        } else if asked.is_empty() {
            return None;
        }
        if let Ok(Some(Ok(Some(layout)))) = timeout(ASK_PAUSE, asked.join_next()).await {
            // Calls are to be polled to their end.
            asked.detach_all();
            return Some(layout);
        }
    }
}
