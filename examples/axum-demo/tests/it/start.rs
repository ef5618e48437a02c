//! Flags, the first line, the end.

use std::net::TcpListener;
use std::process::Output;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{Browser, HeldRequest};
use crate::demo::{Demo, PATIENCE, SECRET, command};

#[tokio::test]
async fn without_flags_it_keeps_sessions_in_cookies_on_port_3000_or_a_free_one() {
    // If this fails, somebody else has the port; it is taken either way.
    let taken = TcpListener::bind("127.0.0.1:3000");
    let demo = Demo::run(&mut command(&[])).await;
    assert_ne!(demo.url, "http://127.0.0.1:3000");
    assert!(Browser::new(&demo).get("/").await.text.contains("backend: cookie"));
    let stderr = demo.stop().await;
    assert!(stderr.contains("127.0.0.1:3000 is taken"), "{stderr}");

    if taken.map(drop).is_ok() {
        let demo = Demo::run(&mut command(&[])).await;
        assert_eq!(demo.url, "http://127.0.0.1:3000");
        assert!(!demo.stop().await.contains("taken"));
    }
}

#[tokio::test]
async fn an_address_that_was_asked_for_and_is_taken_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = fail(&["--listen", &address]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains(&address));
}

#[tokio::test]
async fn a_bad_flag_is_named_and_ends_it_with_code_2() {
    let cases: &[(&[&str], &[&str])] = &[
        (&["--backend", "etcd"], &["etcd", "cookie, memory, redis, memcache"]),
        (&["--backend", "redis", "--redis-url", "http://:pw@localhost"], &["redis", "scheme is unknown"]),
        (&["--backend", "memcache", "--memcache-addr", "a,[::1]"], &["[::1]", "IPv4"]),
        (&["--listen", "nowhere"], &["nowhere", "--listen"]),
        (&["--secret", ""], &["secret is empty"]),
        (&["--cookie-name", "a b"], &["a b"]),
        (&["--cookie-name", "__Host-a"], &["__Host-a", "https_only"]),
        (&["--max-age", "0"], &["max_age"]),
        (&["--max-age", "soon"], &["soon", "--max-age"]),
        (&["--max-age", "34560001"], &["max_age", "400 days"]),
        (&["--same-site", "some"], &["some", "lax, strict, none"]),
        (&["--same-site", "none"], &["SameSite=None", "https_only"]),
        (&["--domain", "a;b"], &["a;b"]),
        (&["--key-prefix", "a b"], &["a b"]),
        (&["--unknown"], &["--unknown"]),
    ];
    for (flags, named) in cases {
        let output = fail(flags).await;
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{flags:?}");
        assert!(stderr.starts_with("error: "), "{flags:?}: {stderr}");
        for text in *named {
            assert!(stderr.contains(text), "{flags:?}: no {text:?} in {stderr}");
        }
    }
}

#[tokio::test]
async fn the_flags_are_seen_in_the_cookie() {
    let flags = "--cookie-name id --max-age 60 --same-site none --https-only --domain example.com";
    let demo = Demo::start(&flags.split(' ').collect::<Vec<_>>()).await;
    let answer = Browser::new(&demo).get("/setup_session").await;
    assert!(answer.cookie().starts_with("id="));
    let attributes: Vec<_> = answer.header("set-cookie").unwrap().split("; ").skip(1).collect();
    for expected in ["HttpOnly", "Secure", "SameSite=None", "Path=/", "Domain=example.com", "Max-Age=60"] {
        assert!(attributes.contains(&expected), "no {expected} in {attributes:?}");
    }

    let demo = Demo::start(&["--same-site", "strict"]).await;
    let answer = Browser::new(&demo).get("/setup_session").await;
    let set_cookie = answer.header("set-cookie").unwrap();
    assert!(set_cookie.contains("SameSite=Strict") && set_cookie.contains("Max-Age=1209600"), "{set_cookie}");
    assert!(!set_cookie.contains("Secure") && !set_cookie.contains("Domain"), "{set_cookie}");
}

#[tokio::test]
async fn sessions_in_cookies_outlive_a_restart_with_the_same_secret_only() {
    let demo = Demo::start(&[]).await;
    let browser = Browser::new(&demo);
    browser.get("/setup_session").await;
    assert_eq!(demo.stop().await, "", "a good secret needs no comment");

    let again = Demo::start(&[]).await;
    assert_eq!(browser.at(&again).session().await, r#"{"data":"session_data"}"#);

    let from_environment = Demo::run(command(&["--listen", "127.0.0.1:0"]).env("SESSION_SECRET", SECRET)).await;
    assert_eq!(browser.at(&from_environment).session().await, r#"{"data":"session_data"}"#);

    let random = Demo::run(&mut command(&["--listen", "127.0.0.1:0"])).await;
    assert_eq!(browser.at(&random).session().await, "{}");
    assert!(random.stop().await.contains("sessions end with this process"));
}

#[tokio::test]
async fn sessions_in_memory_end_with_the_process() {
    let demo = Demo::start(&["--backend", "memory"]).await;
    let browser = Browser::new(&demo);
    browser.get("/setup_session").await;
    assert_eq!(browser.session().await, r#"{"data":"session_data"}"#);
    let again = Demo::start(&["--backend", "memory"]).await;
    assert_eq!(browser.at(&again).session().await, "{}");
}

#[tokio::test]
async fn a_short_secret_works_with_a_warning_that_does_not_tell_it() {
    let demo = Demo::run(&mut command(&["--listen", "127.0.0.1:0", "--secret", "pythons-example"])).await;
    let browser = Browser::new(&demo);
    browser.get("/setup_session").await;
    assert_eq!(browser.session().await, r#"{"data":"session_data"}"#);
    let stderr = demo.stop().await;
    assert!(stderr.contains("shorter than 32 bytes"), "{stderr}");
    assert!(!stderr.contains("pythons-example"), "{stderr}");
}

#[tokio::test]
async fn a_signal_ends_it_as_soon_as_it_listens() {
    for signal in ["TERM", "INT"] {
        let demo = Demo::start(&[]).await;
        demo.signal(signal).await;
        let (status, stderr) = demo.end().await;
        assert_eq!((status.code(), stderr.as_str()), (Some(0), ""), "{signal}");
    }
}

#[tokio::test]
async fn requests_that_are_under_way_are_answered_before_it_ends() {
    let demo = Demo::start(&["--backend", "memory"]).await;
    let slow = HeldRequest::post(&demo, "/slow_update?ms=200", "none=", 7).await;
    demo.signal("TERM").await;
    let response = slow.finish(r#"{"a":1}"#).await;
    assert!(response.starts_with("HTTP/1.1 200") && response.ends_with(r#"{"session": {"a":1}}"#), "{response}");
    assert_eq!(demo.end().await.0.code(), Some(0));
}

#[tokio::test]
async fn a_client_that_never_finishes_its_request_does_not_keep_it_from_ending() {
    let demo = Demo::start(&[]).await;
    let mut stream = TcpStream::connect(demo.address()).await.unwrap();
    stream.write_all(b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{").await.unwrap();
    // Connections are accepted in order: the server has this one once a later one is answered.
    Browser::new(&demo).get("/untouched").await;
    let asked = Instant::now();
    demo.signal("TERM").await;
    let (status, stderr) = demo.end().await;
    assert!(asked.elapsed() >= Duration::from_secs(5), "it got no time: {stderr}");
    assert_eq!(status.code(), Some(0));
    assert!(stderr.contains("not all requests were finished"), "{stderr}");
}

/// Starts it with flags that it ends with at once.
async fn fail(flags: &[&str]) -> Output {
    timeout(PATIENCE, command(flags).output()).await.unwrap().unwrap()
}
