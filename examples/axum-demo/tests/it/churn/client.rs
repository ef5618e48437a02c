//! Clients that sign in, change their session, sign out, or go away.

use std::sync::{Arc, RwLock};

use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::{Client, Response};

use crate::demo::PATIENCE;

/// The addresses of two servers. A server that was killed comes back at another one.
pub(crate) struct Servers(RwLock<[String; 2]>);

impl Servers {
    pub(crate) fn new(urls: [&str; 2]) -> Self {
        Self(RwLock::new(urls.map(str::to_owned)))
    }

    pub(crate) fn replace(&self, server: usize, url: &str) {
        url.clone_into(&mut self.0.write().unwrap()[server]);
    }

    fn url(&self, server: usize) -> String {
        self.0.read().unwrap()[server].clone()
    }
}

/// The numbers of requests by their outcome.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) done: u32,
    /// 401, 409 and 503.
    refused: u32,
    unanswered: u32,
}

impl Counts {
    pub(crate) fn plus(&self, other: &Self) -> Self {
        Self {
            done: self.done + other.done,
            refused: self.refused + other.refused,
            unanswered: self.unanswered + other.unanswered,
        }
    }
}

/// Clients that take turns, each of a user and with a cookie of its own.
pub(crate) struct Clients {
    http: Client,
    servers: Arc<Servers>,
    cookies: Vec<Option<String>>,
    first: usize,
    users: usize,
    random: u64,
    pub(crate) counts: Counts,
}

impl Clients {
    pub(crate) fn new(worker: usize, sessions: usize, users: usize, servers: Arc<Servers>) -> Self {
        let http = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let random = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(worker as u64 + 1);
        let cookies = vec![None; sessions];
        Self { http, servers, cookies, first: worker * sessions, users, random, counts: Counts::default() }
    }

    /// Makes one request of a random client.
    pub(crate) async fn step(&mut self) {
        let client = self.below(self.cookies.len());
        let login = format!(r#"{{"user":"user{}"}}"#, (self.first + client) % self.users);
        let (path, body) = match self.below(100) {
            _ if self.cookies[client].is_none() => ("/login", login),
            0..20 => ("/login", login),
            20..55 => ("/renew", String::new()),
            55..75 => ("/increment", String::new()),
            75..85 => ("/logout", String::new()),
            85..90 => ("/sessions/revoke_others", String::new()),
            90..93 => ("/sessions/revoke_all", String::new()),
            _ => {
                // The client goes away: its session expires.
                self.cookies[client] = None;
                return;
            }
        };
        let server = self.below(2);
        let mut request = self.http.post(format!("{}{path}", self.servers.url(server))).body(body);
        if let Some(cookie) = &self.cookies[client] {
            request = request.header(COOKIE, cookie);
        }
        match request.send().await {
            Ok(response) => self.take(client, response).await,
            Err(_) => self.counts.unanswered += 1,
        }
    }

    async fn take(&mut self, client: usize, response: Response) {
        match response.status().as_u16() {
            200 => self.counts.done += 1,
            401 => {
                self.counts.refused += 1;
                self.cookies[client] = None;
            }
            409 | 503 => self.counts.refused += 1,
            status => panic!("{status}: {:?}", response.text().await),
        }
        if let Some(header) = response.headers().get(SET_COOKIE) {
            let header = header.to_str().unwrap();
            let cookie = header.split(';').next().unwrap().to_owned();
            self.cookies[client] = (!header.contains("Max-Age=0")).then_some(cookie);
        }
        // The next request takes the connection.
        drop(response.bytes().await);
    }

    fn below(&mut self, limit: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as usize % limit
    }
}
