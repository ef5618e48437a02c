//! The table of requests and expected responses.

use super::handler::OTHER_COOKIE;

/// The requests of one client, in order, with the events between them.
pub(super) struct Scenario {
    /// A sentence, with underscores.
    pub(super) name: &'static str,
    /// `true` if the scenario does not apply to sessions in the cookie.
    pub(super) needs_store: bool,
    pub(super) steps: &'static [Step],
}

pub(super) enum Step {
    /// The client sends a request, with its cookie.
    Get(Expected),
    /// An attacker changes the client's cookie.
    Forge,
    StoreGoesDown,
    StoreComesUp,
    /// This many seconds pass.
    Pass(u64),
}

/// A request, and the response that it must get.
pub(super) struct Expected {
    pub(super) path: &'static str,
    pub(super) status: u16,
    pub(super) body: &'static str,
    pub(super) cookie: Cookie,
    /// All values of the header, joined, as in the fields below.
    pub(super) vary: &'static str,
    pub(super) cache_control: &'static str,
    pub(super) retry_after: &'static str,
    pub(super) other_cookie: &'static str,
}

/// The effect of a response on the client's session cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cookie {
    Kept,
    Set,
    /// Set if the session itself lives in the cookie, otherwise kept.
    SetIfItIsTheSession,
    Removed,
}
use Cookie::{Removed, Set, SetIfItIsTheSession};

pub(super) const MAX_AGE: u64 = 1000;

/// Stands for `no-store` if the response sets the cookie, and for no header otherwise.
pub(super) const UNCACHED: &str = "?";

/// A request whose handler uses the session, changes nothing and responds with an empty body.
const fn get(path: &'static str) -> Expected {
    Expected {
        path,
        status: 200,
        body: "",
        cookie: Cookie::Kept,
        vary: "Cookie",
        cache_control: UNCACHED,
        retry_after: "",
        other_cookie: "",
    }
}

/// A request whose response sets or removes the session's cookie.
const fn changing(path: &'static str, cookie: Cookie) -> Expected {
    Expected { cookie, ..get(path) }
}

/// Reads the session of a client that has visited once.
const VISITED: Expected = Expected { body: r#"{"visits":1}"#, ..get("/read") };
const EMPTY: Expected = Expected { body: "{}", ..get("/read") };
const FIRST_VISIT: Expected = Expected { body: "1", ..changing("/count", Set) };
const SECOND_VISIT: Expected = Expected { body: "2", ..changing("/count", SetIfItIsTheSession) };

const fn unavailable(path: &'static str) -> Expected {
    let body = "sessions are unavailable, please try again";
    Expected { status: 503, body, retry_after: "1", cache_control: "no-store", ..get(path) }
}

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "a_session_comes_back_with_its_cookie",
        needs_store: false,
        steps: &[Step::Get(FIRST_VISIT), Step::Get(VISITED), Step::Get(SECOND_VISIT)],
    },
    Scenario { name: "an_empty_session_is_not_given_to_the_client", needs_store: false, steps: &[Step::Get(EMPTY)] },
    Scenario {
        name: "a_request_that_asks_for_nothing_gets_nothing",
        needs_store: false,
        steps: &[
            Step::Get(Expected { vary: "", ..get("/untouched") }),
            Step::Get(FIRST_VISIT),
            Step::StoreGoesDown,
            Step::Get(Expected { vary: "", ..get("/untouched") }),
            Step::Get(Expected { vary: "", status: 500, ..get("/untouched?status=500") }),
        ],
    },
    Scenario {
        name: "a_forged_cookie_is_an_empty_session_and_only_a_logout_removes_it",
        needs_store: false,
        steps: &[
            Step::Get(FIRST_VISIT),
            Step::Forge,
            Step::Get(EMPTY),
            Step::Get(changing("/destroy", Removed)),
            Step::Get(FIRST_VISIT),
        ],
    },
    Scenario {
        name: "a_cleared_session_is_removed",
        needs_store: false,
        steps: &[Step::Get(FIRST_VISIT), Step::Get(changing("/clear", Removed)), Step::Get(EMPTY)],
    },
    Scenario {
        name: "a_destroyed_session_is_removed",
        needs_store: false,
        steps: &[Step::Get(FIRST_VISIT), Step::Get(changing("/destroy", Removed)), Step::Get(EMPTY)],
    },
    Scenario {
        name: "a_renewed_session_has_a_new_cookie_and_the_same_data",
        needs_store: false,
        steps: &[Step::Get(FIRST_VISIT), Step::Get(changing("/renew", Set)), Step::Get(VISITED)],
    },
    Scenario {
        name: "a_5xx_response_keeps_no_changes",
        needs_store: false,
        steps: &[
            Step::Get(Expected { status: 500, body: "1", ..get("/count?status=500") }),
            Step::Get(FIRST_VISIT),
            Step::Get(Expected { status: 503, body: "2", ..get("/count?status=503") }),
            Step::Get(Expected { status: 500, body: "2", ..get("/count?refused&status=500") }),
            Step::Get(VISITED),
        ],
    },
    Scenario {
        name: "a_5xx_response_carries_out_a_destruction",
        needs_store: false,
        steps: &[
            Step::Get(FIRST_VISIT),
            Step::Get(Expected { status: 500, ..changing("/destroy?status=500", Removed) }),
            Step::Get(EMPTY),
            Step::Get(FIRST_VISIT),
            Step::Get(Expected { status: 500, ..changing("/destroy?refused&status=500", Removed) }),
            Step::Get(EMPTY),
        ],
    },
    Scenario {
        name: "every_other_response_keeps_changes",
        needs_store: false,
        steps: &[
            Step::Get(Expected { status: 404, body: "1", ..changing("/count?status=404", Set) }),
            Step::Get(Expected { status: 302, body: "2", ..changing("/count?status=302", SetIfItIsTheSession) }),
            Step::Get(Expected {
                status: 403,
                body: "3",
                ..changing("/count?refused&status=403", SetIfItIsTheSession)
            }),
            Step::Get(Expected { body: r#"{"visits":3}"#, ..get("/read") }),
        ],
    },
    Scenario {
        name: "headers_of_the_handler_are_kept_and_merged",
        needs_store: false,
        steps: &[
            Step::Get(Expected {
                vary: "Origin, Cookie",
                cache_control: "no-store",
                other_cookie: OTHER_COOKIE,
                path: "/count?vary&public&other",
                ..FIRST_VISIT
            }),
            Step::Get(Expected {
                vary: "Origin, Cookie",
                cache_control: "public, max-age=60",
                other_cookie: OTHER_COOKIE,
                path: "/read?vary&public&other",
                ..VISITED
            }),
            Step::Get(Expected { cache_control: "private", ..changing("/renew?private", Set) }),
            Step::Get(Expected { vary: "Origin", ..get("/untouched?vary") }),
        ],
    },
    Scenario {
        name: "an_error_that_the_handler_passes_on_is_reported",
        needs_store: false,
        steps: &[
            Step::Get(FIRST_VISIT),
            Step::Get(Expected {
                status: 500,
                body: "internal server error",
                cache_control: "no-store",
                ..get("/reserved")
            }),
            Step::Get(VISITED),
        ],
    },
    Scenario {
        name: "a_store_that_is_down_is_a_503_and_leaves_the_cookie_alone",
        needs_store: true,
        steps: &[
            Step::StoreGoesDown,
            Step::Get(unavailable("/count")),
            Step::StoreComesUp,
            Step::Get(FIRST_VISIT),
            Step::StoreGoesDown,
            Step::Get(unavailable("/read")),
            Step::Get(unavailable("/count")),
            Step::Get(Expected { other_cookie: OTHER_COOKIE, ..unavailable("/destroy?other") }),
            Step::StoreComesUp,
            Step::Get(VISITED),
        ],
    },
    Scenario {
        name: "a_session_in_use_stays_alive",
        needs_store: false,
        steps: &[
            Step::Get(FIRST_VISIT),
            Step::Pass(MAX_AGE / 10 - 1),
            Step::Get(VISITED),
            Step::Pass(MAX_AGE / 2),
            Step::Get(Expected { cookie: Set, ..VISITED }),
            Step::Pass(MAX_AGE - 1),
            Step::Get(Expected { cookie: Set, ..VISITED }),
        ],
    },
    Scenario {
        name: "an_expired_session_is_empty_and_its_cookie_left_alone",
        needs_store: false,
        steps: &[Step::Get(FIRST_VISIT), Step::Pass(MAX_AGE + 1), Step::Get(EMPTY), Step::Get(FIRST_VISIT)],
    },
];
