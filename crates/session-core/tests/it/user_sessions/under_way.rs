//! Revocations that overlap with renewals and sign-ins, step by step.

use std::sync::{Arc, Mutex};

use session_core::{
    AtomicBackend, Create, IndexedSession, MemoryBackend, SessionError, StoreFuture, UserIndex, WriteOutcome,
};
use session_testkit::{TestClock, forward};

use super::{USER, devices, is_signed_in, signed_in};
use crate::support::{App, Browser, Fault, NOW, Operation, assert_succeeded, at_once, defaults};

/// Between the listing and the removal of the revocation.
#[tokio::test]
async fn a_session_that_is_renewed_while_it_is_revoked_ends_under_its_new_id() {
    let (app, probe) = App::server(defaults);
    let [mut browser] = signed_in(&app, ["phone"]).await;
    let renewing = app.open(&browser).await;
    renewing.renew().unwrap();
    let response = Arc::new(Mutex::new(None));
    let (healed, renewed) = (probe.clone(), response.clone());
    let renew = move || {
        healed.heal();
        let response = at_once(renewing.respond(200));
        assert_succeeded(&response);
        *renewed.lock().unwrap() = Some(response);
    };
    probe.fail(Operation::Remove, Fault::Overtaken(Arc::new(renew)));
    assert_eq!(app.manager.revoke_all(USER).await.unwrap(), Some(1));
    let response = response.lock().unwrap().take().expect("the renewal came between");
    browser.receive(&response);
    assert!(!is_signed_in(&app, &browser).await);
    assert!(devices(&app).await.is_empty());
}

type Step = Box<dyn FnOnce() + Send>;

/// A store that adds the entry of a session in a step of its own.
#[derive(Clone)]
struct InSteps {
    memory: MemoryBackend,
    entered: Arc<Mutex<Vec<String>>>,
    /// Runs after the next entry, before its session is created.
    between: Arc<Mutex<Option<Step>>>,
}

impl AtomicBackend for InSteps {
    forward!(memory: fetch, replace, remove, touch, rotate, marker);

    fn create<'a>(&'a self, create: Create<'a>) -> StoreFuture<'a, WriteOutcome> {
        self.entered.lock().expect("no test panics in here").push(create.key.to_owned());
        let between = self.between.lock().expect("no test panics in here").take();
        if let Some(between) = between {
            between();
        }
        self.memory.create(create)
    }

    fn user_index(&self) -> Option<&dyn UserIndex> {
        Some(self)
    }
}

impl UserIndex for InSteps {
    fn sessions<'a>(&'a self, _: &'a str) -> StoreFuture<'a, Vec<IndexedSession>> {
        let entered = self.entered.lock().expect("no test panics in here");
        let entry = |key: &String| IndexedSession::new(key.as_str(), at_once(self.memory.fetch(key)).ok().flatten());
        StoreFuture::ready(Ok(entered.iter().map(entry).collect()))
    }

    fn count<'a>(&'a self, key_prefix: &'a str) -> StoreFuture<'a, u64> {
        self.memory.count(key_prefix)
    }
}

/// Between the entry of the sign-in and its session.
#[tokio::test]
async fn a_sign_in_under_way_while_its_user_is_revoked_is_refused() {
    let clock = TestClock::at(NOW);
    let memory = MemoryBackend::builder().clock(clock.clone()).build();
    let store = InSteps { memory, entered: Arc::default(), between: Arc::default() };
    let backend = store.clone();
    let app = App::new(clock, |config| config.backend(session_core::Backend::atomic(backend)));
    let manager = app.manager.clone();
    let revoke = move || assert_eq!(at_once(manager.revoke_all(USER)).unwrap(), Some(0), "nothing is live yet");
    *store.between.lock().unwrap() = Some(Box::new(revoke));
    let request = app.open(&Browser::default()).await;
    request.sign_in(USER).unwrap();
    let response = request.respond(200).await;
    assert!(matches!(response.error, Some(SessionError::Gone)), "{:?}", response.error);
    assert!(response.set_cookie.is_none() && devices(&app).await.is_empty());
    // The revocation does not concern a sign-in that begins after it.
    let [browser] = signed_in(&app, ["phone"]).await;
    assert!(is_signed_in(&app, &browser).await);
}
