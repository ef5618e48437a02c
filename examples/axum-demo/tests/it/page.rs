//! The page and its files.

use crate::client::Browser;
use crate::demo::Demo;

const FILES: [(&str, &str); 4] = [
    ("/", "text/html; charset=utf-8"),
    ("/app.js", "text/javascript; charset=utf-8"),
    ("/style.css", "text/css; charset=utf-8"),
    ("/favicon.ico", "image/svg+xml"),
];

#[tokio::test]
async fn the_page_and_its_files_allow_nothing_foreign_and_never_touch_the_session() {
    for backend in ["cookie", "memory"] {
        let demo = Demo::start(&["--backend", backend]);
        let browser = Browser::new(&demo);
        for _ in ["without a session", "with one"] {
            for (path, content_type) in FILES {
                let answer = browser.get(path).await;
                assert_eq!((answer.status, answer.header("content-type")), (200, Some(content_type)), "{path}");
                assert_eq!((answer.header("set-cookie"), answer.header("vary")), (None, None), "{backend} {path}");
                let policy = answer.header("content-security-policy").unwrap();
                assert!(policy.starts_with("default-src 'none'; script-src 'self'; "), "{policy}");
                assert!(!policy.contains("unsafe"), "{policy}");
            }
            browser.get("/setup_session").await;
        }
    }
}

#[tokio::test]
async fn the_page_refers_to_its_own_files_only_and_has_nothing_inline() {
    let demo = Demo::start(&[]);
    let page = Browser::new(&demo).get("/").await.text;
    let references: Vec<_> = ["src", "href"].into_iter().flat_map(|name| attributes(&page, name)).collect();
    assert_eq!(references, ["/app.js", "/favicon.ico", "/style.css"]);
    for inline in ["<style", "<script>", " style=", " onclick=", "javascript:"] {
        assert!(!page.contains(inline), "{inline}");
    }
}

#[tokio::test]
async fn the_page_says_where_sessions_are_kept() {
    for backend in ["cookie", "memory"] {
        let demo = Demo::start(&["--backend", backend]);
        let page = Browser::new(&demo).get("/").await.text;
        assert!(page.contains(&format!("backend: {backend}<")), "{page}");
        assert!(!page.contains("{{"), "a placeholder is left: {page}");
    }
}

#[tokio::test]
async fn the_page_asks_for_no_list_of_sessions_that_the_store_does_not_keep() {
    for (backend, index) in [("cookie", "nothing"), ("memory", "sessions"), ("memcache", "epochs")] {
        let demo = Demo::start(&["--backend", backend]);
        let page = Browser::new(&demo).get("/").await.text;
        assert_eq!(attributes(&page, "data-index"), [index], "{backend}");
    }
}

#[tokio::test]
async fn the_page_says_which_limit_there_is() {
    let limit = ["--backend", "memory", "--max-sessions-per-user", "2"];
    let refusing = [&limit[..], &["--on-session-limit", "refuse"]].concat();
    let line = "A user has at most 2 at a time: a login beyond that";
    for (flags, said) in [
        (&limit[..], format!("{line} ends the oldest.")),
        (&refusing, format!("{line} is refused.")),
        (&["--backend", "memory"], "from here. </p>".to_owned()),
    ] {
        let page = Browser::new(&Demo::start(flags)).get("/").await.text;
        assert!(page.contains(&said), "{page}");
    }
}

#[tokio::test]
async fn the_page_has_each_element_that_its_script_uses() {
    let demo = Demo::start(&[]);
    let browser = Browser::new(&demo);
    let (page, script) = (browser.get("/").await.text, browser.get("/app.js").await.text);
    let there = attributes(&page, "id");
    let calls = ["element(\"", "on(\""].into_iter().flat_map(|call| script.split(call).skip(1));
    let wanted: Vec<_> = calls.filter_map(|rest| rest.split('"').next()).collect();
    assert!(wanted.len() > 10, "{wanted:?}");
    let missing: Vec<_> = wanted.iter().filter(|id| !there.contains(id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[tokio::test]
async fn every_field_of_the_page_has_a_label() {
    let demo = Demo::start(&[]);
    let page = Browser::new(&demo).get("/").await.text;
    let labels = attributes(&page, "for");
    let fields: Vec<_> = page.split("<input").skip(1).map(|field| attributes(field, "id")[0]).collect();
    assert_eq!(labels, fields);
}

/// The values of an attribute, in order.
fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    html.split(&format!(" {name}=\"")).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}
