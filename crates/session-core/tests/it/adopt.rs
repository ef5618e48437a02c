//! The sessions of another format are taken over, and none is logged out or comes back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use session_core::adapter::Commit;
use session_core::format::AcceptedFormat;
use session_core::{
    ConfigError, MemoryBackend, Session, SessionConfig, SessionConfigBuilder, SessionHandle, SessionManager,
};

use crate::support::{Fault, NOW, OLD_SECRET, Old, Operation, Probe, SECRET, TestClock, at_once, open, pair};

/// Both services and their stores. One probe watches all calls of the new one.
#[derive(Clone)]
struct Services {
    old: SessionManager,
    new: SessionManager,
    old_memory: MemoryBackend,
    memory: MemoryBackend,
    probe: Probe,
}

fn services(in_store: bool, accept: fn(AcceptedFormat) -> AcceptedFormat) -> Services {
    let (old_memory, memory, probe) = (MemoryBackend::new(), MemoryBackend::new(), Probe::new());
    let old = SessionConfig::builder(OLD_SECRET, "old").format(Old { in_store });
    let old = if in_store { old.backend(old_memory.clone()) } else { old };
    let accepted = AcceptedFormat::new(Old { in_store }, OLD_SECRET, "old");
    let accepted = if in_store { accepted.backend(probe.watch(old_memory.clone())) } else { accepted };
    let new = builder().backend(probe.watch(memory.clone())).accept_format(accept(accepted));
    let manager = |builder: SessionConfigBuilder| SessionManager::new(builder.build().expect("it is good"));
    Services { old: manager(old), new: manager(new), old_memory, memory, probe }
}

fn builder() -> SessionConfigBuilder {
    SessionConfig::builder(SECRET, "id")
}

fn same(accepted: AcceptedFormat) -> AcceptedFormat {
    accepted
}

fn keep(accepted: AcceptedFormat) -> AcceptedFormat {
    accepted.keep(true)
}

fn load(manager: &SessionManager, cookies: &str) -> (SessionHandle, Session) {
    open(manager, [cookies.as_bytes()])
}

fn commit(handle: &SessionHandle) -> Commit {
    at_once(handle.commit(200))
}

fn cookie(commit: &Commit) -> String {
    pair(commit.set_cookie.as_ref().expect("a cookie is set").as_str()).to_owned()
}

/// The names of the cookies that a response removes.
fn removed(commit: &Commit) -> Vec<&str> {
    let removals = commit.set_cookies().filter(|cookie| cookie.as_str().contains("Max-Age=0"));
    removals.filter_map(|cookie| cookie.as_str().split('=').next()).collect()
}

impl Services {
    /// Logs in at the former service. Returns its cookie.
    fn log_in(&self) -> String {
        let (handle, session) = load(&self.old, "");
        session.insert("user", "ann").expect("it is text");
        cookie(&commit(&handle))
    }

    fn user(&self, cookies: &str) -> Option<String> {
        load(&self.new, cookies).1.get("user").expect("it is text")
    }
}

#[test]
fn a_stored_session_goes_on_under_a_new_id_at_the_promised_cost() {
    let services = services(true, same);
    let old = services.log_in();
    let (handle, session) = load(&services.new, &old);
    assert_eq!((session.get("user").unwrap(), session.is_new()), (Some("ann".to_owned()), false));
    let response = commit(&handle);
    use Operation::{Create, Fetch, Remove, Touch};
    assert_eq!(services.probe.calls(), [Fetch, Fetch, Create, Remove, Touch]);
    assert_eq!(removed(&response), ["old"]);
    assert!(services.old_memory.is_empty(), "the former session is removed");
    let new = cookie(&response);
    assert!(new.starts_with("id="));
    assert_eq!(services.user(&new).as_deref(), Some("ann"));
    assert_eq!(services.probe.calls(), [Fetch], "later requests pay nothing");
    // The response may have been lost.
    assert_eq!(services.user(&old).as_deref(), Some("ann"));
    assert_eq!(services.memory.len(), 1);
}

#[test]
fn a_kept_session_goes_on_in_both_services_until_a_logout() {
    let services = services(true, keep);
    let old = services.log_in();
    let response = commit(&load(&services.new, &old).0);
    assert_eq!(removed(&response), [""; 0]);
    let both = format!("{old}; {}", cookie(&response));
    assert_eq!(load(&services.old, &old).1.get("user").unwrap(), Some("ann".to_owned()));
    assert_eq!(services.user(&both).as_deref(), Some("ann"));
    let handle = services.new.open([both.as_bytes()]);
    handle.destroy();
    assert_eq!(removed(&commit(&handle)), ["old", "id"]);
    assert!(services.old_memory.is_empty() && services.memory.is_empty());
    for cookies in [&*both, &*old] {
        assert_eq!(services.user(cookies), None);
    }
}

#[test]
fn a_logout_ends_a_session_that_was_never_taken_over() {
    for in_store in [true, false] {
        let services = services(in_store, same);
        let old = services.log_in();
        let handle = services.new.open([old.as_bytes()]);
        handle.destroy();
        assert_eq!(removed(&commit(&handle)), ["old", "id"]);
        assert!(services.old_memory.is_empty());
        assert_eq!(services.user(&old).is_none(), in_store, "a copy of a cookie stays valid");
    }
}

#[test]
fn a_valid_cookie_of_its_own_counts_and_an_ended_session_stays_ended() {
    let services = services(true, keep);
    let old = services.log_in();
    let (handle, session) = load(&services.new, "");
    session.insert("user", "bob").unwrap();
    let own = cookie(&commit(&handle));
    assert_eq!(services.user(&format!("{own}; {old}")).as_deref(), Some("bob"));
    let elsewhere = services.new.open([own.as_bytes()]);
    elsewhere.destroy();
    assert!(commit(&elsewhere).error.is_none());
    assert_eq!(
        services.user(&format!("{own}; {old}")),
        None,
        "a logout elsewhere must not bring the former session back"
    );
    assert_eq!(services.user(&format!("id=forged; {old}")).as_deref(), Some("ann"));
}

#[test]
fn sessions_in_cookies_of_one_text_are_not_mixed_up() {
    let services = services(false, same);
    let old = services.log_in();
    let responses = [(); 2].map(|()| commit(&load(&services.new, &old).0));
    use Operation::{Create, Touch};
    assert_eq!(services.probe.calls(), [Create, Touch, Create, Touch]);
    assert_eq!(services.memory.len(), 2, "two clients may have the same text");
    for response in &responses {
        assert_eq!(removed(response), ["old"]);
        assert_eq!(services.user(&cookie(response)).as_deref(), Some("ann"));
    }
    let expired = services.old.open([old.as_bytes()]);
    assert!(!at_once(expired.load()).unwrap().is_new(), "the former service has its own rules");
}

#[test]
fn a_session_moves_from_one_cookie_to_the_other() {
    let old = services(false, same).log_in();
    let accepted = AcceptedFormat::new(Old { in_store: false }, OLD_SECRET, "old");
    let new = SessionManager::new(builder().accept_format(accepted).build().unwrap());
    let (handle, session) = load(&new, &old);
    assert_eq!(session.get("user").unwrap(), Some("ann".to_owned()));
    let response = commit(&handle);
    assert_eq!(removed(&response), ["old"]);
    assert_eq!(load(&new, &cookie(&response)).1.get("user").unwrap(), Some("ann".to_owned()));
}

#[test]
fn cookies_of_older_secrets_are_taken_over_up_to_the_age_that_is_set() {
    let clock = TestClock::at(NOW);
    let format = Old { in_store: false };
    let old = SessionConfig::builder(OLD_SECRET, "old").format(Old { in_store: false }).clock(clock.clone());
    let accepted = AcceptedFormat::new(format, "a newer secret of the former service", "old");
    let accepted = accepted.verify_key(OLD_SECRET).max_age(Duration::from_secs(60));
    let new = builder().clock(clock.clone()).accept_format(accepted);
    let [old, new] = [old, new].map(|builder| SessionManager::new(builder.build().expect("it is good")));
    let (handle, session) = load(&old, "");
    session.insert("user", "ann").unwrap();
    let cookie = cookie(&commit(&handle));
    for (age, user) in [(60, Some("ann")), (61, None)] {
        clock.set(NOW + age);
        assert_eq!(load(&new, &cookie).1.get::<String>("user").unwrap().as_deref(), user, "{age}");
    }
}

#[test]
fn the_absolute_lifetime_begins_when_a_session_is_taken_over() {
    let (clock, memory, format) = (TestClock::at(NOW), MemoryBackend::new(), || Old { in_store: true });
    let old = SessionConfig::builder(OLD_SECRET, "old").format(format()).backend(memory.clone()).clock(clock.clone());
    let accepted = AcceptedFormat::new(format(), OLD_SECRET, "old").backend(memory);
    let new = builder().backend(MemoryBackend::new()).clock(clock.clone()).accept_format(accepted);
    let new = new.absolute_lifetime(Duration::from_secs(120));
    let [old, new] = [old, new].map(|builder| SessionManager::new(builder.build().expect("it is good")));
    let (handle, session) = load(&old, "");
    session.insert("user", "ann").unwrap();
    let cookie = cookie(&commit(&handle));
    // A response that fails refreshes nothing, so the store holds what the takeover has written.
    let (handle, _) = load(&new, &cookie);
    assert!(at_once(handle.commit(500)).error.is_none());
    for (age, user) in [(119, Some("ann")), (121, None)] {
        clock.set(NOW + age);
        let (handle, session) = load(&new, &cookie);
        assert_eq!(session.get::<String>("user").unwrap().as_deref(), user, "{age}");
        assert!(commit(&handle).error.is_none());
    }
}

#[test]
fn a_store_that_fails_is_an_error_and_nothing_is_lost() {
    for operation in [Operation::Fetch, Operation::Create, Operation::Remove] {
        for fault in [Fault::Down, Fault::LostReply] {
            let services = services(true, same);
            let old = services.log_in();
            services.probe.fail(operation, fault.clone());
            let handle = services.new.open([old.as_bytes()]);
            assert_eq!(at_once(handle.load()).unwrap_err().status(), 503, "{operation:?} {fault:?}");
            assert!(commit(&handle).set_cookie.is_none());
            services.probe.heal();
            assert_eq!(services.user(&old).as_deref(), Some("ann"), "{operation:?} {fault:?}");
        }
    }
}

#[test]
fn a_failed_response_leaves_a_session_that_the_next_request_finds() {
    let services = services(true, same);
    let old = services.log_in();
    let (handle, session) = load(&services.new, &old);
    session.insert("user", "eve").unwrap();
    assert!(at_once(handle.commit(500)).set_cookie.is_none());
    assert_eq!(services.user(&old).as_deref(), Some("ann"));
}

/// One request takes the session over while another one overtakes it just before each of its calls in turn.
fn in_every_order(
    accept: fn(AcceptedFormat) -> AcceptedFormat,
    other: fn(&Services, &str),
    check: fn(&Services, &str, Option<String>, usize),
) {
    let mut orders = 0;
    loop {
        let services = services(true, accept);
        let old = services.log_in();
        let (calls, at) = (Arc::new(AtomicUsize::new(0)), orders);
        let overtaking = Mutex::new(Some((services.clone(), old.clone())));
        let overtake = move || {
            if calls.fetch_add(1, Ordering::Relaxed) == at
                && let Some((services, old)) = overtaking.lock().expect("no test has failed").take()
            {
                services.probe.heal();
                other(&services, &old);
            }
        };
        services.probe.fail(Operation::All, Fault::Overtaken(Arc::new(overtake)));
        let (handle, session) = load(&services.new, &old);
        session.update("n", |n: Option<u32>| n.unwrap_or(0) + 1).expect("it is a number");
        let response = commit(&handle);
        let overtaken = services.probe.calls().len() > at;
        services.probe.heal();
        if !overtaken {
            assert!(orders >= 5, "{orders} orders");
            return;
        }
        check(&services, &old, response.set_cookie.is_some().then(|| cookie(&response)), at);
        orders += 1;
    }
}

#[test]
fn two_requests_at_the_same_time_take_over_one_session_and_lose_no_update() {
    for accept in [same, keep] {
        in_every_order(
            accept,
            |services, old| {
                let (handle, session) = load(&services.new, old);
                assert_eq!(session.get("user").unwrap(), Some("ann".to_owned()));
                session.update("n", |n: Option<u32>| n.unwrap_or(0) + 1).unwrap();
                assert!(commit(&handle).error.is_none());
            },
            |services, old, cookie, _| {
                assert_eq!(services.memory.len(), 1);
                for cookies in [old, &cookie.expect("the response sets it")] {
                    let session = load(&services.new, cookies).1;
                    assert_eq!(session.to_map().as_json(), r#"{"user":"ann","n":2}"#);
                }
            },
        );
    }
}

#[test]
fn a_logout_at_the_same_time_wins_at_either_service() {
    fn ended(services: &Services, old: &str, cookie: Option<String>, _: usize) {
        for cookies in [Some(old), cookie.as_deref()].into_iter().flatten() {
            assert_eq!(services.user(cookies), None);
        }
    }
    for accept in [same, keep] {
        let log_out = |services: &Services, old: &str| {
            let handle = services.new.open([old.as_bytes()]);
            handle.destroy();
            assert!(commit(&handle).error.is_none());
        };
        in_every_order(accept, log_out, ended);
    }
    let log_out_before = |services: &Services, old: &str| {
        let handle = services.old.open([old.as_bytes()]);
        handle.destroy();
        assert!(commit(&handle).error.is_none());
    };
    for accept in [same, keep] {
        // The fourth call finds that the former session is still there. A later logout of the former service is not seen.
        in_every_order(accept, log_out_before, |services, old, _, at| {
            assert_eq!(services.user(old).is_none(), at <= 3, "before call {at}");
        });
    }
}

#[test]
fn configurations_that_could_not_work_are_refused() {
    let old = |in_store| AcceptedFormat::new(Old { in_store }, OLD_SECRET, "old");
    let refused = |accepted: AcceptedFormat| builder().accept_format(accepted).build().unwrap_err();
    assert_eq!(refused(old(true)), ConfigError::FormatPlace { format: "old", place: "a store" });
    let stored = old(true).backend(MemoryBackend::new());
    assert_eq!(refused(stored), ConfigError::AcceptedPlace { format: "old" });
    assert_eq!(
        refused(old(false).backend(MemoryBackend::new())),
        ConfigError::FormatPlace { format: "old", place: "the cookie" }
    );
    assert_eq!(refused(AcceptedFormat::new(Old { in_store: false }, "", "old")), ConfigError::EmptySecret);
    assert!(matches!(refused(old(false).verify_key("short")), ConfigError::WeakSecret { .. }));
    let name = AcceptedFormat::new(Old { in_store: false }, OLD_SECRET, "a b");
    assert_eq!(refused(name), ConfigError::CookieName { name: "a b".to_owned() });
    assert!(matches!(refused(old(false).max_age(Duration::ZERO)), ConfigError::Lifetime { .. }));
    let prefixed = builder().backend(MemoryBackend::new());
    let prefixed = prefixed.accept_format(old(true).backend(MemoryBackend::new()).key_prefix(" "));
    assert_eq!(prefixed.build().unwrap_err(), ConfigError::KeyPrefix { prefix: " ".to_owned() });
}
