//! The client of both sides.

use std::collections::BTreeSet;
use std::sync::Arc;

use reqwest::cookie::{CookieStore, Jar};
use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::{Client, Method, Url};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{RESERVED_KEY, Server};

/// A browser: it takes the cookies that servers of 127.0.0.1 set, and sends them to all of them, whatever their port.
pub(crate) struct Browser {
    client: Client,
    jar: Arc<Jar>,
}

impl Browser {
    pub(crate) fn new() -> Self {
        let jar = Arc::new(Jar::default());
        let client = Client::builder().no_proxy().cookie_provider(jar.clone()).build().expect("a client");
        Self { client, jar }
    }

    pub(crate) async fn get(&self, server: &(impl Server + ?Sized), path: &str) -> Reply {
        send(&self.client, Method::GET, server, path, &[], "").await
    }

    pub(crate) async fn post(&self, server: &(impl Server + ?Sized), path: &str, body: &str) -> Reply {
        send(&self.client, Method::POST, server, path, &[], body).await
    }

    /// The session as a server sees it.
    pub(crate) async fn view(&self, server: &(impl Server + ?Sized)) -> Value {
        self.get(server, "/view_session").await.session()
    }

    /// The value of the session's cookie, if there is one.
    pub(crate) fn cookie(&self, server: &(impl Server + ?Sized)) -> Option<String> {
        let url: Url = server.url().parse().expect("the address of a server");
        let header = self.jar.cookies(&url)?;
        let pairs = header.to_str().expect("cookies are text").split("; ");
        pairs
            .filter_map(|pair| pair.split_once('='))
            .find_map(|(name, value)| (name == server.cookie_name()).then(|| value.to_owned()))
    }
}

/// Gets a page with this value as the session's cookie.
pub(crate) async fn get(server: &(impl Server + ?Sized), path: &str, cookie: impl AsRef<[u8]>) -> Reply {
    send(&plain(), Method::GET, server, path, &[pair(server, cookie.as_ref())], "").await
}

/// Posts to a page with this value as the session's cookie.
pub(crate) async fn post(server: &(impl Server + ?Sized), path: &str, cookie: impl AsRef<[u8]>, body: &str) -> Reply {
    send(&plain(), Method::POST, server, path, &[pair(server, cookie.as_ref())], body).await
}

/// Gets a page with these `Cookie` headers.
pub(crate) async fn get_with_headers(
    server: &(impl Server + ?Sized),
    path: &str,
    headers: &[impl AsRef<[u8]>],
) -> Reply {
    let headers: Vec<_> = headers.iter().map(|header| header.as_ref().to_vec()).collect();
    send(&plain(), Method::GET, server, path, &headers, "").await
}

fn pair(server: &(impl Server + ?Sized), value: &[u8]) -> Vec<u8> {
    [server.cookie_name().as_bytes(), b"=", value].concat()
}

/// A client without cookies of its own.
fn plain() -> Client {
    Client::builder().no_proxy().build().expect("a client")
}

async fn send(
    client: &Client,
    method: Method,
    server: &(impl Server + ?Sized),
    path: &str,
    cookies: &[Vec<u8>],
    body: &str,
) -> Reply {
    let mut request = client.request(method, format!("{}{path}", server.url())).body(body.to_owned());
    for cookie in cookies {
        request = request.header(header::COOKIE, cookie.as_slice());
    }
    let response = request.send().await.unwrap_or_else(|error| panic!("no reply from {path}: {error:?}"));
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.text().await.expect("the body of a reply");
    Reply { status, headers, body }
}

/// The reply of a server.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: HeaderMap,
    body: String,
}

impl Reply {
    /// Returns the session, which is in the reply of every route except `/untouched`. Leaves out the reserved key, which
    /// other frameworks show.
    pub(crate) fn session(&self) -> Value {
        let mut session = self.whole_session();
        if let Value::Object(keys) = &mut session {
            keys.remove(RESERVED_KEY);
        }
        session
    }

    /// Returns the session with the reserved key.
    pub(crate) fn whole_session(&self) -> Value {
        serde_json::from_str(&self.session_json()).expect("a session without NaN is JSON")
    }

    /// Returns the session as text, which may contain values that only Python accepts as JSON.
    pub(crate) fn session_json(&self) -> String {
        #[derive(Deserialize)]
        struct Body<'a> {
            #[serde(borrow)]
            session: &'a RawValue,
        }
        assert_eq!(self.status, 200, "{self:?}");
        match serde_json::from_str::<Body<'_>>(&self.body) {
            Ok(body) => body.session.get().to_owned(),
            Err(_) => {
                let start = self.body.strip_prefix(r#"{"session":"#).expect("a session");
                start.strip_suffix('}').expect("a session that ends").trim_start().to_owned()
            }
        }
    }

    /// All values of a header.
    pub(crate) fn header(&self, name: HeaderName) -> Vec<&str> {
        self.headers.get_all(name).into_iter().map(|value| value.to_str().expect("headers are ASCII")).collect()
    }

    /// The `Set-Cookie` headers as they came.
    pub(crate) fn set_cookies(&self) -> Vec<&str> {
        self.header(header::SET_COOKIE)
    }

    /// The one `Set-Cookie`, if there is one.
    pub(crate) fn set_cookie(&self) -> Option<SetCookie> {
        let values = self.set_cookies();
        assert!(values.len() <= 1, "more than one cookie: {values:?}");
        values.first().map(|value| SetCookie::parse(value))
    }

    /// The value of the cookie that it sets.
    pub(crate) fn cookie(&self) -> String {
        self.set_cookie().unwrap_or_else(|| panic!("no cookie: {self:?}")).value
    }
}

/// A `Set-Cookie` header, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SetCookie {
    pub(crate) name: String,
    pub(crate) value: String,
    /// In lower case and sorted, because neither case nor order matters.
    pub(crate) attributes: BTreeSet<String>,
}

impl SetCookie {
    fn parse(header: &str) -> Self {
        let (pair, attributes) = header.split_once("; ").expect("a cookie with attributes");
        let (name, value) = pair.split_once('=').expect("a cookie with a value");
        let attributes = attributes.split("; ").map(str::to_ascii_lowercase).collect();
        Self { name: name.to_owned(), value: value.to_owned(), attributes }
    }
}
