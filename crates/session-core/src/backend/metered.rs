//! Counts and times the calls of a store, with the feature `metrics`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::atomic::AtomicBackend;
use super::call::{Create, Remove, Replace, Rotate, Touch};
use super::error::{BackendError, BackendErrorKind};
use super::reply::{Marker, StoreFuture, Stored, WriteOutcome};
use super::session_scan::{ScanCursor, ScanPage, SessionScan};
use super::store::Store;
use super::user_epochs::UserEpochs;
use super::user_index::{IndexedSession, UserIndex};
use crate::codec::{CodecRefusal, SessionCodec};
use crate::metrics::meter::Meter;

/// A store whose calls are counted.
struct Metered {
    store: Store,
    meter: Meter,
}

/// A call that is under way. Dropping it records that its caller did not wait for the reply.
struct Call<'a> {
    meter: &'a Meter,
    operation: &'static str,
    outcome: &'static str,
    started: Instant,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.meter.count_call(self.operation, self.outcome, self.started.elapsed());
    }
}

/// Wraps the store of the configuration with this cookie name. Also returns its meter, and the store as it was passed.
pub(crate) fn metered(
    cookie_name: &str,
    store: Option<Store>,
    as_passed: Option<Store>,
) -> (Meter, Option<Store>, Option<Store>) {
    let meter = Meter::new(cookie_name, store.as_ref().map_or("cookie", |store| store.name()));
    let as_passed = as_passed.or(store.clone());
    let metered = store.map(|store| Arc::new(Metered { store, meter: meter.clone() }) as Store);
    (meter, metered, as_passed)
}

impl Metered {
    /// Makes a call. `name` names the outcome of a call that did not fail.
    fn call<'a, T: Send + 'a>(
        &'a self,
        operation: &'static str,
        name: fn(&T) -> &'static str,
        call: impl FnOnce(&'a dyn AtomicBackend) -> StoreFuture<'a, T>,
    ) -> StoreFuture<'a, T> {
        let outcome = move |reply: &Result<T, BackendError>| match reply {
            Ok(reply) => name(reply),
            Err(error) => failure(error.kind()),
        };
        let started = Instant::now();
        match call(&*self.store).into_ready() {
            Ok(reply) => {
                self.meter.count_call(operation, outcome(&reply), started.elapsed());
                StoreFuture::ready(reply)
            }
            Err(pending) => StoreFuture::pending(async move {
                let mut call = Call { meter: &self.meter, operation, outcome: "dropped", started: Instant::now() };
                let reply = pending.await;
                call.outcome = outcome(&reply);
                reply
            }),
        }
    }
}

fn failure(kind: BackendErrorKind) -> &'static str {
    match kind {
        BackendErrorKind::Unavailable => "unavailable",
        BackendErrorKind::Timeout => "timeout",
        BackendErrorKind::Refused => "refused",
        BackendErrorKind::Corrupt => "corrupt",
        BackendErrorKind::TooLarge => "too large",
        BackendErrorKind::Other => "failed",
    }
}

fn done<T>(_: &T) -> &'static str {
    "done"
}

fn found<T>(reply: &Option<T>) -> &'static str {
    if reply.is_some() { "found" } else { "absent" }
}

fn written<T>(outcome: &WriteOutcome<T>) -> &'static str {
    match outcome {
        WriteOutcome::Done(_) => "done",
        WriteOutcome::Conflict(_) => "conflict",
        WriteOutcome::Gone(_) => "absent",
    }
}

fn touched(is_there: &bool) -> &'static str {
    if *is_there { "done" } else { "absent" }
}

impl AtomicBackend for Metered {
    fn fetch<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Stored>> {
        self.call("fetch", found, |store| store.fetch(key))
    }

    fn create<'a>(&'a self, create: Create<'a>) -> StoreFuture<'a, WriteOutcome> {
        self.call("create", written, |store| store.create(create))
    }

    fn replace<'a>(&'a self, replace: Replace<'a>) -> StoreFuture<'a, WriteOutcome> {
        self.call("replace", written, |store| store.replace(replace))
    }

    fn remove<'a>(&'a self, remove: Remove<'a>) -> StoreFuture<'a, WriteOutcome<()>> {
        self.call("remove", written, |store| store.remove(remove))
    }

    fn touch<'a>(&'a self, touch: Touch<'a>) -> StoreFuture<'a, bool> {
        self.call("touch", touched, |store| store.touch(touch))
    }

    fn rotate<'a>(&'a self, rotate: Rotate<'a>) -> StoreFuture<'a, WriteOutcome> {
        self.call("rotate", written, |store| store.rotate(rotate))
    }

    fn marker<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Marker>> {
        self.call("marker", found, |store| store.marker(key))
    }

    fn name(&self) -> &'static str {
        self.store.name()
    }

    fn call_timeout(&self) -> Option<Duration> {
        self.store.call_timeout()
    }

    fn follow_deadline(&self, deadline: Duration) {
        self.store.follow_deadline(deadline);
    }

    fn with_codec(&self, codec: Arc<dyn SessionCodec>) -> Result<Store, CodecRefusal> {
        self.store.with_codec(codec)
    }

    fn answers_at_once(&self) -> bool {
        self.store.answers_at_once()
    }

    fn user_index(&self) -> Option<&dyn UserIndex> {
        self.store.user_index().is_some().then_some(self)
    }

    fn user_epochs(&self) -> Option<&dyn UserEpochs> {
        self.store.user_epochs().is_some().then_some(self)
    }

    fn session_scan(&self) -> Option<&dyn SessionScan> {
        self.store.session_scan().is_some().then_some(self)
    }
}

const OFFERED: &str = "a metered store offers what its store offers";

impl UserIndex for Metered {
    fn sessions<'a>(&'a self, user: &'a str) -> StoreFuture<'a, Vec<IndexedSession>> {
        self.call("sessions", done, |store| store.user_index().expect(OFFERED).sessions(user))
    }

    fn count<'a>(&'a self, key_prefix: &'a str) -> StoreFuture<'a, u64> {
        self.call("count", done, |store| store.user_index().expect(OFFERED).count(key_prefix))
    }
}

impl UserEpochs for Metered {
    fn join<'a>(&'a self, user: &'a str, candidate: u64, ttl: Duration) -> StoreFuture<'a, u64> {
        self.call("join", done, move |store| store.user_epochs().expect(OFFERED).join(user, candidate, ttl))
    }

    fn current<'a>(&'a self, user: &'a str, ttl: Duration) -> StoreFuture<'a, Option<u64>> {
        self.call("current", found, move |store| store.user_epochs().expect(OFFERED).current(user, ttl))
    }

    fn end<'a>(&'a self, user: &'a str) -> StoreFuture<'a, ()> {
        self.call("end", done, |store| store.user_epochs().expect(OFFERED).end(user))
    }
}

impl SessionScan for Metered {
    fn page<'a>(&'a self, key_prefix: &'a str, after: Option<&'a ScanCursor>) -> StoreFuture<'a, ScanPage> {
        self.call("scan", done, move |store| store.session_scan().expect(OFFERED).page(key_prefix, after))
    }
}
