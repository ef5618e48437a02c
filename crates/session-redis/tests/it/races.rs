//! Requests of one session at the same time, in one process and in two.

use session_core::SessionManager;

use crate::support::{Server, manager, patient, races};

/// Two managers that share only the server, as two processes do.
fn two_processes(server: &Server) -> [SessionManager; 2] {
    [(); 2].map(|()| manager(patient(&server.url())))
}

fn sessions(server: &Server) -> usize {
    server.ask(&["KEYS", "session:*"]).len()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_writes_of_different_keys_leave_two_hundred() {
    let server = Server::start(&[]);
    races::writes_of_different_keys(two_processes(&server)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_increments_make_two_hundred() {
    let server = Server::start(&[]);
    races::increments(two_processes(&server)).await;
}

#[tokio::test]
async fn a_logout_during_a_slow_update_is_final() {
    let server = Server::start(&[]);
    races::logout_during_an_update(two_processes(&server)).await;
    assert_eq!(sessions(&server), 0);
}

#[tokio::test]
async fn of_two_renewals_at_once_one_wins_and_the_other_is_told() {
    let server = Server::start(&[]);
    races::renewals(two_processes(&server)).await;
    assert_eq!(sessions(&server), 1);
}

#[tokio::test]
async fn a_logout_with_the_cookie_before_a_renewal_ends_the_renewed_session() {
    let server = Server::start(&[]);
    races::logout_with_the_cookie_before_a_renewal(two_processes(&server)).await;
}
