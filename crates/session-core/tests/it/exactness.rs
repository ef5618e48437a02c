//! The promises, whatever happens on the way to the store: three requests of one session append to a list, renew, save, are
//! cancelled and meet faults, in any order.

use std::collections::BTreeSet;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use session_core::SessionError;
use session_core::adapter::Commit;

use crate::support::{App, Browser, Fault, Operation, Probe, Request, defaults};

use Change::{Append, Destroy, Renew};

const REQUESTS: usize = 3;
/// The request that may log out.
const LEAVING: usize = 0;

/// A change that a request makes to its session.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    Append,
    Renew,
    Destroy,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Change(Change),
    /// Saves, while calls fail in the given way. If the save has to wait, makes another change while it runs, and then
    /// awaits or cancels the save.
    Save {
        failure: Failure,
        concurrent: Option<Change>,
        cancelled: bool,
    },
}

#[derive(Clone, Copy, Debug)]
enum Failure {
    None,
    Down,
    LostRequest,
    LostReply,
    Slow,
    Hangs,
    NeverReplies,
}

impl Failure {
    fn inject(self, probe: &Probe) {
        let fault = match self {
            Self::None => return,
            Self::Down => Fault::Down,
            Self::LostRequest => Fault::LostRequest,
            Self::LostReply => Fault::LostReply,
            Self::Slow => Fault::Slow(Duration::from_millis(100)),
            Self::Hangs => Fault::Hangs,
            Self::NeverReplies => Fault::NeverReplies,
        };
        let writes = [
            Operation::Create,
            Operation::Replace,
            Operation::Rotate,
            Operation::Remove,
            Operation::Set,
            Operation::Delete,
        ];
        writes.into_iter().for_each(|call| probe.fail(call, fault.clone()));
    }
}

/// Generates acts, each with the number of its request.
fn acts(changes: &'static [Change]) -> impl Strategy<Value = Vec<(usize, Act)>> {
    let failure = prop_oneof![
        3 => Just(Failure::None),
        1 => Just(Failure::Down),
        1 => Just(Failure::LostRequest),
        1 => Just(Failure::LostReply),
        2 => Just(Failure::Slow),
        2 => Just(Failure::Hangs),
        3 => Just(Failure::NeverReplies),
    ];
    let save = (failure, option::of(select(changes)), any::<bool>());
    let act = prop_oneof![
        select(changes).prop_map(Act::Change),
        save.prop_map(|(failure, concurrent, cancelled)| Act::Save { failure, concurrent, cancelled }),
    ];
    let whose = |(at, act): (usize, Act)| match act {
        Act::Change(Destroy) | Act::Save { concurrent: Some(Destroy), .. } => (LEAVING, act),
        _ => (at, act),
    };
    vec((0..REQUESTS, act).prop_map(whose), 1..24)
}

/// A request, and the items that it has appended to the list since its last `destroy`.
struct Actor {
    request: Request,
    destructions: u32,
    appended: BTreeSet<u32>,
    pending: BTreeSet<u32>,
    confirmed: BTreeSet<u32>,
}

impl Actor {
    fn new(request: Request) -> Self {
        let (destructions, appended, pending, confirmed) = Default::default();
        Self { request, destructions, appended, pending, confirmed }
    }

    fn change(&mut self, number: u32, change: Change) {
        match change {
            Append => {
                let append = move |list: Option<Vec<u32>>| [list.unwrap_or_default(), vec![number]].concat();
                if self.request.update("list", append).is_ok() {
                    self.appended.insert(number);
                    self.pending.insert(number);
                }
            }
            // A session that is gone can't be renewed, which does not matter here.
            Renew => _ = self.request.renew(),
            Destroy => {
                self.request.destroy();
                self.destructions += 1;
                (self.appended, self.pending, self.confirmed) = Default::default();
            }
        }
    }

    async fn act(&mut self, number: u32, act: Act, probe: &Probe) {
        let (failure, concurrent, cancelled) = match act {
            Act::Change(change) => return self.change(number, change),
            Act::Save { failure, concurrent, cancelled } => (failure, concurrent, cancelled),
        };
        failure.inject(probe);
        let (request, sent, destructions) = (self.request.clone(), self.pending.clone(), self.destructions);
        let mut save = pin!(request.save());
        let mut outcome = std::future::poll_fn(|context| Poll::Ready(save.as_mut().poll(context))).await;
        if outcome.is_pending() {
            if let Some(change) = concurrent {
                self.change(number, change);
            }
            if !cancelled {
                outcome = Poll::Ready(save.await);
            }
        }
        if let Poll::Ready(outcome) = outcome
            && destructions == self.destructions
        {
            self.note(outcome, sent);
        }
        probe.heal();
    }

    /// Records what became of the pending changes.
    fn note(&mut self, outcome: Result<(), SessionError>, sent: BTreeSet<u32>) {
        match outcome {
            Ok(()) => {
                self.pending.retain(|number| !sent.contains(number));
                self.confirmed.extend(sent);
            }
            // The changes stay pending.
            Err(SessionError::Store(_)) => {}
            Err(_) => self.pending.clear(),
        }
    }
}

/// The input of a run: the acts, the status of each response, and whether the store lacks compare-and-set.
type Run = (Vec<(usize, Act)>, [u16; REQUESTS], bool);

fn run(changes: &'static [Change]) -> impl Strategy<Value = Run> {
    let status = || select(&[200, 200, 500][..]);
    (acts(changes), [status(), status(), status()], any::<bool>())
}

/// The state after all requests have been answered.
struct Aftermath {
    app: App,
    before: Browser,
    actors: Vec<Actor>,
    responses: Vec<Commit>,
}

impl Aftermath {
    async fn of((acts, statuses, plain): Run) -> Self {
        let (app, probe) = App::watched(plain, defaults);
        let before = app.browser_with(r#"{"list":[]}"#).await;
        let mut actors = Vec::new();
        for _ in 0..REQUESTS {
            actors.push(Actor::new(app.open(&before).await));
        }
        for (number, (at, act)) in (0..).zip(acts) {
            actors[at].act(number, act, &probe).await;
        }
        let mut responses = Vec::new();
        for (actor, status) in actors.iter_mut().zip(statuses) {
            let response = actor.request.respond(status).await;
            if status == 500 {
                actor.pending.clear();
            }
            let sent = actor.pending.clone();
            actor.note(response.error.clone().map_or(Ok(()), Err), sent);
            responses.push(response);
        }
        Self { app, before, actors, responses }
    }

    async fn list(&self, browser: &Browser) -> Vec<u32> {
        self.app.open(browser).await.get("list").expect("it is a list").unwrap_or_default()
    }

    async fn assert_exact(&self) {
        let mut browser = self.before.clone();
        self.responses.iter().for_each(|response| browser.receive(response));
        let list = self.list(&browser).await;
        let found: BTreeSet<u32> = list.iter().copied().collect();
        assert_eq!(found.len(), list.len(), "twice in {list:?}");
        for Actor { confirmed, .. } in &self.actors {
            assert!(confirmed.is_subset(&found), "{confirmed:?} are confirmed, {list:?} are there");
        }
    }

    /// Asserts that every cookie opens an empty session, or data that the leaving request wrote after its logout.
    async fn assert_destroyed(&self) {
        let error = &self.responses[LEAVING].error;
        assert!(matches!(error, None | Some(SessionError::OutcomeUnknown)), "{error:?}");
        for response in &self.responses {
            for mut browser in [self.before.clone(), Browser::default()] {
                browser.receive(response);
                let found: BTreeSet<u32> = self.list(&browser).await.into_iter().collect();
                let own = &self.actors[LEAVING].appended;
                assert!(found.is_subset(own), "{found:?} are there, {own:?} may be");
            }
        }
    }
}

fn block_on(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime can be made").block_on(work);
}

fn many_cases() -> ProptestConfig {
    ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(many_cases())]

    #[test]
    fn an_append_that_was_confirmed_is_there_and_none_is_there_twice(run in run(&[Append, Append, Append, Renew])) {
        block_on(async { Aftermath::of(run).await.assert_exact().await });
    }

    #[test]
    fn of_a_destroyed_session_nothing_is_left(
        mut run in run(&[Append, Renew, Destroy]),
        at in any::<Index>(),
    ) {
        run.0.insert(at.index(run.0.len()), (LEAVING, Act::Change(Destroy)));
        block_on(async { Aftermath::of(run).await.assert_destroyed().await });
    }
}
