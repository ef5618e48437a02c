//! Random inputs that are close to valid ones.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use session_core::signer::TimestampSigner;

use crate::json::{object, string, value};
use crate::support::{NOW, SECRET};

/// A pair with a token that we might have signed.
pub(super) fn signed(payload: &[u8], timestamp: u64) -> Vec<u8> {
    let token = TimestampSigner::new(SECRET).sign(STANDARD.encode(payload), timestamp);
    [b"id=", &*token].concat()
}

/// Parts of `Cookie` headers, and of things that look like one.
pub(super) fn header() -> impl Strategy<Value = Vec<u8>> {
    let token = String::from_utf8(signed(br#"{"user": "ann"}"#, NOW)).expect("a token is ASCII");
    let forged = token.replace("id=ey", "id=eY");
    let parts = select(vec!["id", "=", ";", " ", "\"", ".", "id=", "; id=", "=;", "id=null", "e30="]);
    let part = prop_oneof![
        6 => parts.prop_map(|part| part.as_bytes().to_vec()),
        2 => vec(any::<u8>(), 0..8),
        1 => Just(forged.into_bytes()),
    ];
    vec(part, 0..12).prop_map(|parts| parts.concat())
}

/// Payloads that no session has, or that look like another's.
pub(super) fn rubbish() -> impl Strategy<Value = Vec<u8>> {
    let uuid = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
    let id = prop_oneof![2 => uuid, 1 => "[A-Za-z0-9_-]{20,66}", 1 => "\\PC{0,40}"];
    prop_oneof![
        vec(any::<u8>(), 0..40),
        value().prop_map(|value| value.written.into_bytes()),
        damaged(),
        (id, object()).prop_map(|(id, (_, others))| {
            let id = serde_json::to_string(&id).expect("a string is JSON");
            with_entry(&format!(r#""_cssid": {id}"#), &others).into_bytes()
        }),
    ]
}

/// An object with one more entry, the first one.
fn with_entry(entry: &str, object: &str) -> String {
    let others = object.trim_start().strip_prefix('{').expect("an object").trim_start();
    let separator = if others.starts_with('}') { "" } else { "," };
    format!("{{{entry}{separator}{others}")
}

/// The text of an object with bytes changed, removed or doubled.
pub(super) fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let damage = (any::<Index>(), select(br#"{}[]",:\ 0aN"#.to_vec()), 0..3);
    (object(), vec(damage, 1..4)).prop_map(|((_, text), damages)| {
        let mut bytes = text.into_bytes();
        for (at, byte, kind) in damages {
            let at = at.index(bytes.len().max(1));
            match kind {
                0 if at < bytes.len() => bytes[at] = byte,
                1 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.insert(at, byte),
            }
        }
        bytes
    })
}

/// The library's own key with anything under it.
fn strange_meta() -> impl Strategy<Value = String> {
    let seconds = || {
        prop_oneof![any::<u64>(), 0..100_u64, NOW - 100..NOW + 100, u64::MAX - 100_000..=u64::MAX]
            .prop_map(|seconds| seconds.to_string())
    };
    let entry = || prop_oneof![4 => seconds(), 1 => value().prop_map(|value| value.written)];
    prop_oneof![
        4 => (entry(), entry()).prop_map(|(created, max_age)| format!(r#"{{"created": {created}, "max_age": {max_age}}}"#)),
        1 => value().prop_map(|value| value.written),
    ]
}

/// Generates stored values: objects with the library's own key, well-formed or not.
pub(super) fn stored() -> impl Strategy<Value = String> {
    (object(), option::of(strange_meta()), prop::bool::ANY).prop_map(|((_, mut text), meta, nan)| {
        if let Some(meta) = meta {
            text = with_entry(&format!(r#""__session": {meta}"#), &text);
        }
        if nan {
            text = with_entry(r#""nan": [NaN, -Infinity]"#, &text);
        }
        text
    })
}

#[derive(Clone, Debug)]
pub(super) enum Act {
    Insert(String, u8),
    Remove(String),
    Take(String),
    Update(String),
    Clear,
    Renew,
    Destroy,
    MaxAge(u64),
    Save,
    Read(String),
}

pub(super) fn act() -> impl Strategy<Value = Act> {
    let key = || prop_oneof![4 => string().prop_map(|(key, _)| key), 1 => select(vec!["__session", "_cssid"]).prop_map(str::to_owned)];
    prop_oneof![
        3 => (key(), any::<u8>()).prop_map(|(key, value)| Act::Insert(key, value)),
        2 => key().prop_map(Act::Remove),
        1 => key().prop_map(Act::Take),
        2 => key().prop_map(Act::Update),
        1 => Just(Act::Clear),
        1 => Just(Act::Renew),
        1 => Just(Act::Destroy),
        1 => (0..500 * 24 * 3600_u64).prop_map(Act::MaxAge),
        1 => Just(Act::Save),
        2 => key().prop_map(Act::Read),
    ]
}
