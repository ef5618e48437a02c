//! `Cookie` headers as clients, proxies and neighbours make them: both sides find the same cookie in them.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;
use tokio::runtime::Runtime;

use super::for_random;
use crate::support::{App, COOKIE, Demo, Oracle, Peer, SECRET, Server, get_with_headers, unix_now};

#[test]
fn starlette_session_and_rust_find_the_same_cookie() {
    find(App::StarletteSession);
}

#[test]
fn starlette_and_rust_find_the_same_cookie() {
    find(App::Starlette);
}

fn find(app: App) {
    let (python, rust) = (Peer::live(app), Demo::cookie());
    let runtime = Runtime::new().expect("a runtime");
    let signer = json!({ "secret": SECRET, "now": unix_now() });
    let tokens = ["one", "two", "three"].map(|n| Oracle::shared().dump_session(&signer, &json!({ n: n }).to_string()));
    for_random(150, &vec(header(&tokens), 0..3), |headers| {
        let (of_python, of_rust) = runtime.block_on(async {
            let view = async |server: &dyn Server| get_with_headers(server, "/view_session", &headers).await.session();
            (view(python).await, view(&rust).await)
        });
        prop_assert_eq!(of_python, of_rust);
        Ok(())
    });
}

/// Pairs of any name, but under the session's name only what verifies: Python goes by the last one whatever it is.
fn header(tokens: &[String]) -> impl Strategy<Value = String> + use<> {
    let token = prop::sample::select(tokens.to_vec());
    let genuine = (token.clone(), prop::sample::select(&["={}", "=\"{}\"", " = {}", "= {} ", "=  \"{}\" "][..]));
    let pair = prop_oneof![
        3 => genuine.prop_map(|(token, form)| format!("{COOKIE}{}", form.replace("{}", &token))),
        1 => ("[a-z_-]{0,3}session[a-z_-]{0,3}", token.clone()).prop_map(|(name, token)| format!("x{name}={token}")),
        1 => ("(Session|SESSION|session[a-z.]|\"session\"|)", token).prop_map(|(name, token)| format!("{name}={token}")),
        1 => "[ -:<-~]{0,12}".prop_filter("the session's", |text| !text.trim_start().starts_with(COOKIE)),
    ];
    let separator = prop::sample::select(&[";", "; ", " ;", ";;", "; ;  "][..]);
    vec((pair, separator), 0..5)
        .prop_map(|pairs| pairs.iter().map(|(pair, separator)| format!("{pair}{separator}")).collect())
}
