//! The flags, the first line of output, and the end of the program.

use std::net::TcpListener;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use session_test_support::Process;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::client::{Browser, HeldRequest};
use crate::demo::{Demo, SECRET, command};

#[tokio::test]
async fn without_flags_it_keeps_sessions_in_cookies_on_port_3000_or_a_free_one() {
    // If this fails, another process has the port. In both cases the port is taken.
    let taken = TcpListener::bind("127.0.0.1:3000");
    let demo = Demo::run(&mut command(&[]));
    assert_ne!(demo.url, "http://127.0.0.1:3000");
    assert!(Browser::new(&demo).get("/").await.text.contains("backend: cookie"));
    let stderr = demo.stop();
    assert!(stderr.contains("127.0.0.1:3000 is taken"), "{stderr}");

    if taken.map(drop).is_ok() {
        let demo = Demo::run(&mut command(&[]));
        assert_eq!(demo.url, "http://127.0.0.1:3000");
        assert!(!demo.stop().contains("taken"));
    }
}

#[test]
fn an_address_that_was_asked_for_and_is_taken_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (status, stderr) = refusal(&["--listen", &address]);
    assert_eq!(status.code(), Some(1));
    assert!(stderr.contains(&address), "{stderr}");
}

#[test]
fn a_bad_flag_is_named_and_ends_it_with_code_2() {
    let cases: &[(&[&str], &[&str])] = &[
        (&["--backend", "etcd"], &["etcd", "cookie, memory, redis, memcache"]),
        (&["--backend", "redis", "--redis-url", "http://:pw@localhost"], &["redis", "scheme is unknown"]),
        (&["--backend", "memcache", "--memcache-addr", "a,[::1]"], &["[::1]", "IPv4"]),
        (&["--backend", "postgres"], &["postgres", "--sql-url"]),
        (&["--backend", "mysql", "--sql-url", "postgres://:pw@localhost/a"], &["mysql: or mariadb:"]),
        (&["--backend", "sqlite", "--sql-url", "sqlite:/missing/a.db"], &["/missing/a.db", "no such file"]),
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
        (&["--format", "express", "--values", "pickle"], &["--values"]),
        (&["--format", "django-cookie", "--cookies", "plain"], &["--cookies"]),
        (&["--cookies", "signed"], &["--format"]),
        (&["--format", "django-db", "--backend", "sqlite"], &["--secret"]),
        (&["--format", "django-db", "--secret", SECRET, "--backend", "redis"], &["sqlite, postgres or mysql"]),
        (&["--format", "django-db", "--secret", SECRET, "--key-prefix", "a"], &["--key-prefix"]),
        (&["--unknown"], &["--unknown"]),
    ];
    for (flags, named) in cases {
        let (status, stderr) = refusal(flags);
        assert_eq!(status.code(), Some(2), "{flags:?}: {stderr}");
        assert!(stderr.starts_with("error: "), "{flags:?}: {stderr}");
        for text in *named {
            assert!(stderr.contains(text), "{flags:?}: no {text:?} in {stderr}");
        }
    }
}

#[tokio::test]
async fn the_flags_are_seen_in_the_cookie() {
    let flags = "--cookie-name id --max-age 60 --same-site none --https-only --domain example.com";
    let demo = Demo::start(&flags.split(' ').collect::<Vec<_>>());
    let answer = Browser::new(&demo).get("/setup_session").await;
    assert!(answer.cookie().starts_with("id="));
    let attributes: Vec<_> = answer.header("set-cookie").unwrap().split("; ").skip(1).collect();
    for expected in ["HttpOnly", "Secure", "SameSite=None", "Path=/", "Domain=example.com", "Max-Age=60"] {
        assert!(attributes.contains(&expected), "no {expected} in {attributes:?}");
    }

    for (format, name) in [("actix-session", "id="), ("django-cookie", "sessionid="), ("flask", "session=")] {
        let demo = Demo::start(&["--format", format]);
        assert!(Browser::new(&demo).get("/setup_session").await.cookie().starts_with(name), "{format}");
    }

    let demo = Demo::start(&["--same-site", "strict"]);
    let answer = Browser::new(&demo).get("/setup_session").await;
    let set_cookie = answer.header("set-cookie").unwrap();
    assert!(set_cookie.contains("SameSite=Strict") && set_cookie.contains("Max-Age=1209600"), "{set_cookie}");
    assert!(!set_cookie.contains("Secure") && !set_cookie.contains("Domain"), "{set_cookie}");
}

#[tokio::test]
async fn sessions_in_cookies_outlive_a_restart_with_the_same_secret_only() {
    let demo = Demo::start(&[]);
    let browser = Browser::new(&demo);
    browser.get("/setup_session").await;
    assert_eq!(demo.stop(), "", "a good secret needs no comment");

    let again = Demo::start(&[]);
    assert_eq!(browser.at(&again).session().await, r#"{"data":"session_data"}"#);

    let from_environment = Demo::run(command(&["--listen", "127.0.0.1:0"]).env("SESSION_SECRET", SECRET));
    assert_eq!(browser.at(&from_environment).session().await, r#"{"data":"session_data"}"#);

    let random = Demo::run(&mut command(&["--listen", "127.0.0.1:0"]));
    assert_eq!(browser.at(&random).session().await, "{}");
    assert!(random.stop().contains("all sessions end with this process"));
}

#[tokio::test]
async fn sessions_in_memory_end_with_the_process() {
    let demo = Demo::start(&["--backend", "memory"]);
    let browser = Browser::new(&demo);
    browser.get("/setup_session").await;
    assert_eq!(browser.session().await, r#"{"data":"session_data"}"#);
    let again = Demo::start(&["--backend", "memory"]);
    assert_eq!(browser.at(&again).session().await, "{}");
}

#[tokio::test]
async fn a_short_secret_works_with_a_warning_that_does_not_tell_it() {
    let demo = Demo::run(&mut command(&["--listen", "127.0.0.1:0", "--secret", "pythons-example"]));
    let browser = Browser::new(&demo);
    browser.get("/setup_session").await;
    assert_eq!(browser.session().await, r#"{"data":"session_data"}"#);
    let stderr = demo.stop();
    assert!(stderr.contains("shorter than 32 bytes"), "{stderr}");
    assert!(!stderr.contains("pythons-example"), "{stderr}");
}

#[test]
fn a_signal_ends_it_as_soon_as_it_listens() {
    for signal in ["TERM", "INT"] {
        let demo = Demo::start(&[]);
        demo.signal(signal);
        let (status, stderr) = demo.end();
        assert_eq!((status.code(), stderr.as_str()), (Some(0), ""), "{signal}");
    }
}

#[tokio::test]
async fn requests_that_are_under_way_are_answered_before_it_ends() {
    let demo = Demo::start(&["--backend", "memory"]);
    let slow = HeldRequest::post(&demo, "/slow_update?ms=200", "none=", 7).await;
    demo.signal("TERM");
    let response = slow.finish(r#"{"a":1}"#).await;
    assert!(response.starts_with("HTTP/1.1 200") && response.ends_with(r#"{"session": {"a":1}}"#), "{response}");
    assert_eq!(demo.end().0.code(), Some(0));
}

#[tokio::test]
async fn a_client_that_never_finishes_its_request_does_not_keep_it_from_ending() {
    let demo = Demo::start(&[]);
    let mut stream = TcpStream::connect(demo.address()).await.unwrap();
    stream.write_all(b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{").await.unwrap();
    // Connections are accepted in order: the server has this one once a later one is answered.
    Browser::new(&demo).get("/untouched").await;
    let asked = Instant::now();
    demo.signal("TERM");
    let (status, stderr) = demo.end();
    assert!(asked.elapsed() >= Duration::from_secs(5), "it got no time: {stderr}");
    assert_eq!(status.code(), Some(0));
    assert!(stderr.contains("not all requests were finished"), "{stderr}");
}

/// Starts it with flags that it refuses. Returns how it ended, and what it said on stderr.
fn refusal(flags: &[&str]) -> (ExitStatus, String) {
    let mut process = Process::start(&mut command(flags));
    assert_eq!(process.next_line(), None, "{flags:?}");
    process.wait()
}
