//! The work that every session layer has to do, in axum: an empty layer, the verification of the cookie and the
//! signature of a new one, the calls of the store's client. Everything else is left out.

use std::sync::Arc;

use anyhow::{Result, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::response::AppendHeaders;
use axum::routing::get;
use fred::bytes_utils::Str;
use fred::prelude::{Builder, Client, ClientLike, Config, Key, KeysInterface, LuaInterface, Value};
use session_core::signer::TimestampSigner;
use tokio::runtime::Runtime;
use tower::layer::util::Identity;

use super::BACKENDS;
use crate::mode::Mode;
use crate::on_axum::run;
use crate::server::{REDIS, address};
use crate::session::{COOKIE as NAME, SECRET, VALUES, Work};

/// The length of `{"_cssid": "..."}` in base64.
const ID_LEN: usize = 48;

/// The length of [`VALUES`] in base64.
const SESSION_LEN: usize = VALUES.len().div_ceil(3) * 4;

/// The attributes of every cookie.
const ATTRIBUTES: &str = "; Path=/; HttpOnly; SameSite=Lax";

/// The time of all signatures, in Unix seconds.
const NOW: u64 = 1_700_000_000;

pub(super) fn with_sessions(runtime: &Runtime, mode: Mode, backend: &str, work: Work) -> Result<()> {
    if !BACKENDS.contains(&backend) {
        bail!("`{backend}` has no floor");
    }
    let cookies = Arc::new(Cookies::new(if backend == "cookie" { SESSION_LEN } else { ID_LEN }));
    let handler = match (backend, work) {
        (_, Work::Untouched) => get(async || "ok"),
        ("cookie", Work::Write) => {
            let cookies = cookies.clone();
            get(async move |request: Request| {
                cookies.verify(&request);
                (AppendHeaders([(SET_COOKIE, cookies.sign())]), "ok")
            })
        }
        ("memory" | "cookie", _) => {
            let cookies = cookies.clone();
            get(async move |request: Request| {
                cookies.verify(&request);
                "ok"
            })
        }
        _ => {
            let (cookies, store) = (cookies.clone(), Arc::new(runtime.block_on(Store::connect())?));
            get(async move |request: Request| {
                cookies.verify(&request);
                store.call(work).await;
                "ok"
            })
        }
    };
    let seed = get(async move || AppendHeaders([(SET_COOKIE, cookies.sign())]));
    run(runtime, mode, Router::new().route("/", handler).route("/seed", seed).layer(Identity::new()));
    Ok(())
}

/// Signs and verifies cookies of one length.
struct Cookies {
    signer: TimestampSigner,
    payload: Vec<u8>,
}

impl Cookies {
    fn new(len: usize) -> Self {
        Self { signer: TimestampSigner::new(SECRET), payload: vec![b'a'; len] }
    }

    /// The text of a cookie.
    fn sign(&self) -> HeaderValue {
        let mut text = [NAME.as_bytes(), b"="].concat();
        text.extend(self.signer.sign(&self.payload, NOW));
        text.extend(ATTRIBUTES.as_bytes());
        HeaderValue::from_maybe_shared(Bytes::from(text)).expect("a token is ASCII")
    }

    fn verify(&self, request: &Request) {
        let cookie = request.headers().get(COOKIE).expect("there is a cookie").as_bytes();
        let unsigned = self.signer.unsign(&cookie[NAME.len() + 1..], Some(60), NOW + 1);
        assert!(unsigned.is_ok_and(|unsigned| unsigned.value.len() == self.payload.len()));
    }
}

/// A client of Redis with its defaults, so without a timeout, and a script that writes without comparing.
struct Store {
    client: Client,
    script: Str,
}

impl Store {
    const KEY: &str = "floor";

    async fn connect() -> Result<Self> {
        let client = Builder::from_config(Config::from_url(&address(REDIS)?)?).build()?;
        client.init().await?;
        let () = client.set(Self::KEY, VALUES, None, None, false).await?;
        let script = client.script_load("redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) return 1").await?;
        Ok(Self { client, script })
    }

    async fn call(&self, work: Work) {
        let value: Option<Bytes> = self.client.get(Key::from_static_str(Self::KEY)).await.expect("the server answers");
        assert_eq!(value.map(|value| value.len()), Some(VALUES.len()));
        if work == Work::Write {
            let arguments = [VALUES, "1209600"].map(Value::from_static_str).to_vec();
            let done = self.client.evalsha(self.script.clone(), Key::from_static_str(Self::KEY), arguments).await;
            let (): () = done.expect("the server answers");
        }
    }
}
