//! Each reader on mutated vectors: nothing panics, what is read is JSON, and what is read can be written and read again.
//!
//! The inputs are the same in each run. `SESSION_FUZZ_SECONDS` fuzzes each reader for so long instead, with other inputs;
//! `cargo xtask test` sets it to 10. An input on which a reader panics is printed.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use session_compat::{
    ActixSession, CookieSession, DjangoCache, DjangoCookie, DjangoDb, Express, Flask, FlaskSession, StarlettePickle,
    TowerSessions,
};
use session_core::signer::{Digest, Key, KeyDerivation, Signer, TimestampSigner};
use session_core::{BackendErrorKind, SessionCodec, SessionConfig, SessionConfigBuilder, SessionManager};
use session_testkit::TestClock;

use crate::support::{hex, unhex, vectors};

/// The number of inputs of each reader, unless there is a time.
const INPUTS: usize = 8_000;

const NOW: u64 = 1_700_000_000;

const SECRET: &str = "a secret of at least thirty-two bytes";

/// A generator of random numbers, "xorshift64*".
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit.max(1)
    }

    fn mutated(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut input = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(6) {
            let at = self.below(input.len() + 1);
            let end = (at + self.below(9)).min(input.len());
            match self.below(7) {
                0 if at < input.len() => input[at] ^= 1 << self.below(8),
                1 if at < input.len() => input[at] = [0, 1, 0x7f, 0x80, 0xfe, 0xff][self.below(6)],
                2 => input.insert(at, self.below(256) as u8),
                3 => drop(input.drain(at..end)),
                4 => {
                    let part = input[at..end].repeat(1 + self.below(40));
                    input.splice(at..at, part);
                }
                5 => {
                    let other = &seeds[self.below(seeds.len())];
                    input.truncate(at);
                    input.extend(&other[self.below(other.len() + 1)..]);
                }
                _ => input.truncate(at),
            }
        }
        input.truncate(4096);
        input
    }
}

/// Prints an input if its reader panics.
struct Shown<'a>(&'a [u8]);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input: {}", hex(self.0));
        }
    }
}

/// Calls `read` with mutations of these inputs. It returns `true` for one that it has read.
fn fuzz(name: &str, seeds: &[Vec<u8>], mut read: impl FnMut(&[u8]) -> bool) {
    assert!(seeds.len() >= 10, "{name}: {}", seeds.len());
    let seconds = std::env::var("SESSION_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let start = Instant::now();
    let other = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| now.as_nanos() as u64 | 1);
    let mut random = Random(if seconds.is_some() { other } else { 0x9e37_79b9_7f4a_7c15 });
    let (mut inputs, mut accepted, mut slowest) = (0_u64, 0_u64, Duration::ZERO);
    while seconds.map_or(inputs < INPUTS as u64, |seconds| start.elapsed() < Duration::from_secs(seconds)) {
        let input = random.mutated(seeds);
        let _shown = Shown(&input);
        let began = Instant::now();
        accepted += u64::from(read(&input));
        slowest = slowest.max(began.elapsed());
        inputs += 1;
    }
    println!("{name}: {inputs} inputs, {accepted} read, the slowest in {slowest:?}");
    assert!(accepted > 0 && accepted < inputs, "{name}: {accepted} of {inputs}");
}

/// Fuzzes the reader of stored values.
fn values(name: &str, codec: &impl SessionCodec, seeds: &[Vec<u8>]) {
    values_from(name, codec, seeds, <[u8]>::to_vec);
}

/// Fuzzes the reader of stored values, of which `stored` makes one of an input.
fn values_from(name: &str, codec: &impl SessionCodec, seeds: &[Vec<u8>], stored: impl Fn(&[u8]) -> Vec<u8>) {
    fuzz(name, seeds, |input| match codec.decode(&stored(input)) {
        Ok(session) => {
            if session.validate().is_ok()
                && let Ok(back) = codec.encode_under("AQAAAAAAAAAAAAAAAAAAAA", &session, 0)
            {
                assert!(codec.decode(&back).is_ok(), "{name}: it does not read what it has written");
            }
            true
        }
        Err(error) => {
            assert_eq!(error.kind(), BackendErrorKind::Corrupt);
            false
        }
    });
}

/// Fuzzes the reader of cookies, of which `cookie` makes one of an input.
fn cookies(name: &str, builder: SessionConfigBuilder, seeds: &[Vec<u8>], cookie: impl Fn(&[u8]) -> Vec<u8>) {
    let manager = SessionManager::new(builder.clock(TestClock::at(NOW)).build().expect("the configuration is good"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    fuzz(name, seeds, |input| {
        let header = [b"id=", &*cookie(input)].concat();
        let handle = manager.open([header.as_slice()]);
        let session = runtime.block_on(handle.load()).expect("no cookie is an error");
        session.to_map().validate().expect("a session that is read is JSON");
        !session.is_new()
    });
}

/// The texts under these names, of all vectors of a file.
fn texts(file: &str, name: &str) -> Vec<String> {
    vectors::<Value>(file).iter().filter_map(|vector| vector[name].as_str().map(str::to_owned)).collect()
}

fn bytes(file: &str) -> Vec<Vec<u8>> {
    texts(file, "store_value_b64").iter().map(|value| STANDARD.decode(value).expect("it is base64")).collect()
}

fn payloads() -> Vec<Vec<u8>> {
    texts("flask.json", "payload_text").into_iter().map(String::into_bytes).collect()
}

/// The texts of Flask and Django, compressed and marked by a dot.
fn compressed(payloads: &[Vec<u8>]) -> Vec<Vec<u8>> {
    payloads.iter().map(|text| miniz_oxide::deflate::compress_to_vec_zlib(text, 6)).collect()
}

/// Signs a payload as Django does, who writes a colon before the signature.
fn signed_by_django(salt: &str, payload: &[u8]) -> Vec<u8> {
    let signer = Signer::with_salt(Key::new(SECRET).digest(Digest::Sha256), salt);
    let mut signed = signer.sign([payload, b":1r31eq"].concat());
    let at = signed.iter().rposition(|&byte| byte == b'.').expect("a signature follows a dot");
    signed[at] = b':';
    signed
}

fn packed(input: &[u8]) -> Vec<u8> {
    URL_SAFE_NO_PAD.encode(input).into_bytes()
}

fn store_values(file: &str) -> Vec<Vec<u8>> {
    texts(file, "store_value").into_iter().map(String::into_bytes).collect()
}

#[test]
fn stored_values_are_read_or_refused() {
    let pickles: Vec<_> = texts("pickles.json", "hex").iter().map(|hex| unhex(hex)).collect();
    values("starlette-pickle", &StarlettePickle, &pickles);
    values("django-cache", &DjangoCache::new(), &bytes("django-cache.json"));
    let actix = [bytes("actix-session.json"), store_values("actix-session.json")].concat();
    values("actix-session", &ActixSession::in_redis(), &actix);
    let tower = TowerSessions::new().clock(TestClock::at(NOW));
    values("tower-sessions", &tower, &bytes("tower-sessions.json"));
    values("flask-session", &FlaskSession::new(), &bytes("flask-session.json"));
    let rows = [texts("django-db.json", "token"), texts("django-db.json", "session_data")].concat();
    let rows: Vec<_> = rows.into_iter().map(String::into_bytes).collect();
    let django = texts("django-db.json", "secret").iter().fold(DjangoDb::new(SECRET), DjangoDb::fallback);
    values("django-db, rows", &django, &rows);
    // Signed payloads, so that the reader goes on to what is in them.
    let sign = |payload: &[u8]| signed_by_django("django.contrib.sessions.SessionStore", payload);
    values_from("django-db, texts", &django, &payloads(), |input| sign(&packed(input)));
    values_from("django-db, compressed", &django, &compressed(&payloads()), |input| {
        sign(&[b".".as_slice(), &packed(input)].concat())
    });
    values("express", &Express::new().clock(TestClock::at(NOW)), &store_values("express.json"));
}

#[test]
fn cookies_are_read_or_refused() {
    let flask = || SessionConfig::builder(SECRET, "id").format(Flask::new());
    let django = || SessionConfig::builder(SECRET, "id").format(DjangoCookie);
    // Signed payloads, so that the reader goes on to what is in them.
    let key = Key::new(SECRET).derivation(KeyDerivation::Hmac);
    let signer = TimestampSigner::from(Signer::with_salt(key, "cookie-session"));
    let plain = payloads();
    cookies("flask, texts", flask(), &plain, |input| signer.sign(packed(input), NOW));
    let compressed = compressed(&plain);
    cookies("flask, compressed", flask(), &compressed, |input| {
        signer.sign([b".".as_slice(), &packed(input)].concat(), NOW)
    });
    let sign = |payload: &[u8]| signed_by_django("django.contrib.sessions.backends.signed_cookies", payload);
    cookies("django-cookie, texts", django(), &plain, |input| sign(&packed(input)));
    cookies("django-cookie, compressed", django(), &compressed, |input| {
        sign(&[b".".as_slice(), &packed(input)].concat())
    });
    let pair = || SessionConfig::builder(SECRET, "id").format(CookieSession::new());
    // Keygrip signs the name too, without a salt.
    let keygrip = Signer::new(Key::new(SECRET).derivation(KeyDerivation::None));
    cookies("cookie-session, texts", pair(), &plain, |input| {
        let signed = keygrip.sign([b"id=", STANDARD.encode(input).as_bytes()].concat());
        let at = signed.iter().rposition(|&byte| byte == b'.').expect("a signature follows a dot");
        [&signed[3..at], b"; id.sig=", &signed[at + 1..]].concat()
    });
    let actix = || SessionConfig::builder(SECRET, "id").format(ActixSession::in_cookie());
    let signed = || SessionConfig::builder(SECRET, "id").format(ActixSession::in_cookie().signed());
    let builders = [
        ("flask, tokens", flask as fn() -> _),
        ("django-cookie", django),
        ("cookie-session, pairs", pair),
        ("actix", actix),
        ("actix, signed", signed),
    ];
    for (name, builder) in builders {
        cookies(name, builder(), &tokens(builder()), <[u8]>::to_vec);
    }
}

/// Returns the cookies of sessions of all sizes, as they follow the name and its equals sign.
fn tokens(builder: SessionConfigBuilder) -> Vec<Vec<u8>> {
    let manager = SessionManager::new(builder.clock(TestClock::at(NOW)).build().expect("the configuration is good"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let token = |size: usize| {
        let handle = manager.open([]);
        let session = runtime.block_on(handle.load()).expect("there is no cookie");
        session.insert("text", "ab".repeat(size)).expect("it is text");
        let commit = runtime.block_on(handle.commit(200));
        let pair = |cookie: &str| cookie.split(';').next().unwrap_or_default().to_owned();
        let mut pairs: Vec<_> = commit.set_cookies().map(|cookie| pair(cookie.as_str())).collect();
        // Puts the session cookie before its signature.
        pairs.reverse();
        pairs.join("; ").trim_start_matches("id=").as_bytes().to_vec()
    };
    (0..20).map(|size| token(size * size)).collect()
}
