//! `Cookie` headers as clients, proxies and neighbours send them: both sides find the same cookie in them.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;
use tokio::runtime::Runtime;

use super::for_random;
use crate::support::{App, COOKIE, Demo, Oracle, Peer, SECRET, Server, Token, get_with_headers, unix_now};

#[test]
fn starlette_session_and_rust_find_the_same_cookie() {
    find(App::StarletteSession);
}

#[test]
fn starlette_and_rust_find_the_same_cookie() {
    find(App::Starlette);
}

#[test]
fn no_cookie_is_an_error_in_rust() {
    let runtime = Runtime::new().expect("a runtime");
    let signed = |payload: Vec<u8>| Token::signed(payload, unix_now()).to_string().into_bytes();
    let value = prop_oneof![
        "[A-Za-z0-9+/=._-]{0,60}".prop_map(String::into_bytes),
        vec(prop_oneof![b' '..=b'~', 0x80_u8..], 0..60),
        vec(any::<u8>(), 0..60).prop_map(signed),
        "[{}\\[\\]\",:a-c0-9 _]{0,30}".prop_map(String::into_bytes).prop_map(signed),
        "\\{\"_cssid\": ?[\"a-z0-9, {}-]{0,50}\\}".prop_map(String::into_bytes).prop_map(signed),
    ];
    let header = value.prop_map(|value| [COOKIE.as_bytes(), b"=", &value].concat());
    let servers = [Demo::cookie(), Demo::memory()];
    for_random(300, &vec(header, 1..3), |headers| {
        for (server, path) in
            servers.iter().flat_map(|server| ["/view_session", "/setup_session"].map(|path| (server, path)))
        {
            let reply = runtime.block_on(get_with_headers(server, path, &headers));
            prop_assert_eq!(reply.status, 200);
        }
        Ok(())
    });
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

/// Pairs with any name, but under the session's name only cookies that verify, because Python takes the last one in any
/// case.
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
