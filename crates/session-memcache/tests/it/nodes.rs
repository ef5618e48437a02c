//! Several nodes: where keys go, and what happens when one is down.

use session_core::{AtomicBackend, BackendErrorKind, Replace, Rotate, WriteOutcome};
use session_memcache::{MemcacheBackend, OnNodeDown};

use crate::support::{LONG, PlainCalls, Server, backend, map, patient};

const KEYS: usize = 60;

fn key(number: usize) -> String {
    format!("session:{number}")
}

fn holds(server: &Server, key: &str) -> bool {
    server.ask(&format!("mg {key} v")).starts_with("VA")
}

async fn filled(servers: &[Server; 3], on_node_down: OnNodeDown) -> MemcacheBackend {
    let backend = patient(&servers.each_ref()).on_node_down(on_node_down).build().expect("the addresses are good");
    for number in 0..KEYS {
        backend.set(&key(number), &map(&format!(r#"{{"n":{number}}}"#)), LONG).await.expect("all are up");
    }
    backend
}

#[tokio::test]
async fn each_key_is_on_one_node_and_every_node_has_some() {
    let servers = [Server::start(), Server::start(), Server::start()];
    let backend = filled(&servers, OnNodeDown::Fail).await;
    let reversed = patient(&[&servers[2], &servers[1], &servers[0]]).build().unwrap();
    for number in 0..KEYS {
        let key = key(number);
        assert_eq!(servers.iter().filter(|server| holds(server, &key)).count(), 1);
        assert_eq!(backend.get(&key).await.unwrap(), reversed.get(&key).await.unwrap(), "whatever their order");
    }
    assert!(servers.iter().all(|server| server.stats()["curr_items"] > 0));
}

#[tokio::test]
async fn the_sessions_of_a_dead_node_fail_and_the_others_do_not() {
    let mut servers = [Server::start(), Server::start(), Server::start()];
    let backend = filled(&servers, OnNodeDown::Fail).await;
    let lost: Vec<_> = (0..KEYS).map(|number| holds(&servers[0], &key(number))).collect();
    servers[0].kill();
    for _ in 0..3 {
        for (number, lost) in lost.iter().enumerate() {
            match backend.get(&key(number)).await {
                Ok(found) => assert!(!lost && found.is_some()),
                Err(error) => assert!(*lost && error.kind() == BackendErrorKind::Unavailable),
            }
        }
    }
    servers[0].start_again();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    for (number, lost) in lost.iter().enumerate() {
        assert_eq!(backend.get(&key(number)).await.unwrap().is_none(), *lost);
    }
}

#[tokio::test]
async fn the_keys_of_a_dead_node_move_to_the_next_if_configured() {
    let mut servers = [Server::start(), Server::start(), Server::start()];
    let backend = filled(&servers, OnNodeDown::NextNode).await;
    let lost: Vec<_> = (0..KEYS).filter(|&number| holds(&servers[0], &key(number))).collect();
    let known = backend.fetch(&key(lost[0])).await.unwrap().expect("it is there").version;
    servers[0].kill();
    // Some requests find out, and fail.
    let mut failures = 0;
    while backend.get(&key(lost[0])).await.is_err() {
        failures += 1;
        assert!(failures < 10);
    }
    // A request that tries the dead node again fails too, so each request gets a second chance.
    for &number in &lost {
        let key = key(number);
        let found = match backend.get(&key).await {
            Ok(found) => found,
            Err(_) => backend.get(&key).await.unwrap(),
        };
        assert_eq!(found, None, "it is empty on its new node");
        if backend.set(&key, &map("{}"), LONG).await.is_err() {
            backend.set(&key, &map("{}"), LONG).await.unwrap();
        }
        assert!(holds(&servers[1], &key) || holds(&servers[2], &key));
    }
    // A version from the dead node is not valid on the next one, even if both nodes count alike.
    let answer = loop {
        if let Ok(answer) = backend.replace(Replace::new(&key(lost[0]), &map(r#"{"stale":1}"#), LONG, &known)).await {
            break answer;
        }
    };
    assert!(matches!(answer, WriteOutcome::Conflict(_)), "{answer:?}");
}

#[tokio::test]
async fn a_session_moves_between_nodes_when_it_is_renewed() {
    let servers = [Server::start(), Server::start(), Server::start()];
    let backend = filled(&servers, OnNodeDown::Fail).await;
    for number in 0..KEYS {
        let (old, new) = (key(number), key(number + KEYS));
        let found = backend.fetch(&old).await.unwrap().expect("it is there");
        let rotation = Rotate::new(&old, &new, &found.session, LONG, &found.version);
        assert!(matches!(backend.rotate(rotation).await.unwrap(), WriteOutcome::Done(_)));
        assert_eq!(backend.get(&old).await.unwrap(), None);
        assert_eq!(backend.get(&new).await.unwrap(), Some(found.session));
    }
}

#[tokio::test]
async fn a_renewal_whose_new_node_is_down_leaves_the_session_where_it_is() {
    let mut servers = [Server::start(), Server::start(), Server::start()];
    let backend = filled(&servers, OnNodeDown::Fail).await;
    let dead: Vec<_> = (0..KEYS).filter(|&number| holds(&servers[0], &key(number))).collect();
    let alive = (0..KEYS).find(|number| !dead.contains(number)).expect("every node has its share");
    let found = backend.fetch(&key(alive)).await.unwrap().expect("it is there");
    servers[0].kill();
    let (old, new) = (key(alive), key(dead[0]));
    let rotation = Rotate::new(&old, &new, &found.session, LONG, &found.version);
    let error = backend.rotate(rotation).await.unwrap_err();
    assert_eq!(error.applied(), session_core::Applied::No);
    assert_eq!(backend.get(&old).await.unwrap(), Some(found.session));
}

#[tokio::test]
async fn a_renewal_whose_old_node_is_down_leaves_no_copy() {
    let mut servers = [Server::start(), Server::start(), Server::start()];
    let backend = filled(&servers, OnNodeDown::Fail).await;
    let dead = (0..KEYS).find(|&number| holds(&servers[0], &key(number))).expect("every node has its share");
    let value = map("{}");
    let at = backend.fetch(&key(dead)).await.unwrap().expect("it is there").version;
    let new = key((0..KEYS).find(|&number| holds(&servers[1], &key(number))).expect("every node has its share"));
    assert!(servers[1].ask(&format!("delete {new}")).starts_with("DELETED"));
    servers[0].kill();
    // Known to be down: nothing is sent there any more.
    for _ in 0..4 {
        backend.get(&key(dead)).await.unwrap_err();
    }
    let error = backend.rotate(Rotate::new(&key(dead), &new, &value, LONG, &at)).await.unwrap_err();
    assert_eq!(error.applied(), session_core::Applied::No);
    assert_eq!(backend.get(&new).await.unwrap(), None);
}

#[tokio::test]
async fn the_time_is_that_of_the_first_nodes_clock() {
    let mut servers = [Server::start(), Server::start()];
    servers[0].kill();
    servers[0].set_clock(3600);
    servers[0].start_again();
    let hour_ahead = patient(&[&servers[0], &servers[1]]).build().unwrap().server_time().await.unwrap();
    let own = patient(&[&servers[1], &servers[0]]).build().unwrap().server_time().await.unwrap();
    let apart = hour_ahead.duration_since(own).unwrap().as_secs();
    assert!((3590..=3610).contains(&apart), "{apart}");
    let drift = own.elapsed().unwrap_or_default().as_secs();
    assert!(drift < 10, "{drift}");

    servers[0].kill();
    let error = backend(&servers[0]).server_time().await.unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::Unavailable);
}
