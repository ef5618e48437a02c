//! A browser that goes back and forth between both sides, with a random step on each visit.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use super::for_random;
use super::sessions::values;
use crate::support::{App, Browser, Demo, Peer, Reply, Server};

#[test]
fn a_walk_between_starlette_session_and_rust_loses_nothing() {
    walk(App::StarletteSession);
}

#[test]
fn a_walk_between_starlette_and_rust_loses_nothing() {
    walk(App::Starlette);
}

fn walk(app: App) {
    let (python, rust) = (Peer::live(app), Demo::cookie());
    let runtime = Runtime::new().expect("a runtime");
    for_random(60, &vec((any::<bool>(), Step::any()), 1..15), |steps| {
        runtime.block_on(async {
            let (browser, mut expected) = (Browser::new(), Map::new());
            for (in_rust, step) in &steps {
                let reply = match in_rust {
                    true => step.take(&browser, &rust).await,
                    false => step.take(&browser, python).await,
                };
                step.expect(&mut expected);
                prop_assert_eq!(reply.session(), json!(expected));
            }
            prop_assert_eq!(browser.view(&rust).await, json!(expected));
            prop_assert_eq!(browser.view(python).await, json!(expected));
            Ok(())
        })
    });
}

#[derive(Clone, Debug)]
enum Step {
    View,
    Update(String, Value),
    Increment,
    Login(String),
    Clear,
    Logout,
}

impl Step {
    fn any() -> impl Strategy<Value = Self> {
        // Three of them fit into a cookie, however Python escapes them.
        let short = values().prop_filter("too long", |value| value.to_string().len() <= 100);
        prop_oneof![
            1 => Just(Self::View),
            4 => ("[abc]", short).prop_map(|(key, value)| Self::Update(key, value)),
            4 => Just(Self::Increment),
            2 => "[a-z]{1,8}".prop_map(Self::Login),
            1 => Just(Self::Clear),
            1 => Just(Self::Logout),
        ]
    }

    async fn take(&self, browser: &Browser, server: &(impl Server + ?Sized)) -> Reply {
        match self {
            Self::View => browser.get(server, "/view_session").await,
            Self::Update(key, value) => {
                browser.post(server, "/update_session", &json!({ key: value }).to_string()).await
            }
            Self::Increment => browser.post(server, "/increment", "").await,
            Self::Login(user) => browser.post(server, "/login", &json!({ "user": user }).to_string()).await,
            Self::Clear => browser.get(server, "/clear_session").await,
            Self::Logout => browser.post(server, "/logout", "").await,
        }
    }

    /// Applies the expected effect of the step to the session.
    fn expect(&self, session: &mut Map<String, Value>) {
        let (key, value) = match self {
            Self::View => return,
            Self::Clear | Self::Logout => return session.clear(),
            Self::Update(key, value) => (key.as_str(), value.clone()),
            Self::Login(user) => ("user", json!(user)),
            Self::Increment => ("n", json!(session.get("n").and_then(Value::as_u64).unwrap_or(0) + 1)),
        };
        session.insert(key.to_owned(), value);
    }
}
