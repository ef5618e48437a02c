//! The tokens of Starlette and starlette-session: base64 of JSON, a time, and a signature of itsdangerous.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use session_core::signer::SignatureError;
use session_core::{SessionId, SessionMap};

use super::report::{Cause, Content, Refusal};
use crate::args::{DerivationArg, DigestArg};
use crate::duration::short;
use crate::secrets::Secret;
use crate::signing::Scheme;

/// The key of a stored session's id.
const ID_KEY: &str = "_cssid";

/// The start of the times of itsdangerous before 1.1: the year 2011.
const OLD_EPOCH: u64 = 1_293_840_000;

/// A token whose signature is valid.
pub(super) struct Verified {
    /// The number of the key, from 0.
    pub(super) key: usize,
    pub(super) signed: Result<Signed, SignatureError>,
}

pub(super) struct Signed {
    pub(super) issued: u64,
    pub(super) payload: String,
}

/// Verifies the signature alone.
pub(super) fn verify(token: &str, keys: &[Secret], scheme: &Scheme) -> Option<Verified> {
    keys.iter().enumerate().find_map(|(key, secret)| {
        let signed = match scheme.timestamp_signer(secret).unsign(token.as_bytes(), None, 0) {
            Ok(unsigned) => {
                Ok(Signed { issued: unsigned.timestamp, payload: String::from_utf8_lossy(unsigned.value).into_owned() })
            }
            Err(SignatureError::BadSignature) => return None,
            Err(error) => Err(error),
        };
        Some(Verified { key, signed })
    })
}

/// Returns the payload and the time of a text that looks like a token, without verifying it.
pub(super) fn unverified(token: &str) -> Option<Signed> {
    let (rest, signature) = token.rsplit_once('.')?;
    let (payload, time) = rest.rsplit_once('.')?;
    if payload.is_empty() || signature.is_empty() {
        return None;
    }
    Some(Signed { issued: timestamp(time)?, payload: payload.to_owned() })
}

/// Reads a time of itsdangerous.
pub(super) fn timestamp(text: &str) -> Option<u64> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    if bytes.is_empty() || bytes.len() > 8 {
        return None;
    }
    Some(bytes.iter().fold(0, |all, &byte| all << 8 | u64::from(byte)))
}

/// Decodes the payload of a token.
pub(super) fn content(payload: &str) -> Result<Content, Refusal> {
    let bytes = STANDARD.decode(payload).map_err(|error| {
        let url_safe = URL_SAFE.decode(payload).is_ok() || URL_SAFE_NO_PAD.decode(payload).is_ok();
        let why = if url_safe {
            "the payload is base64url or has no padding, and Starlette writes padded base64".to_owned()
        } else {
            format!("the payload is not base64: {error}")
        };
        Refusal::new(Cause::BadBase64, why)
            .advise("another program signs with this key: use a salt of its own for each purpose.")
    })?;
    let map =
        SessionMap::from_slice(&bytes).map_err(|_| match serde_json::from_slice::<serde_json::Value>(&bytes) {
            Ok(value) => {
                let kind = match value {
                    serde_json::Value::Null => "null",
                    serde_json::Value::Bool(_) => "a boolean",
                    serde_json::Value::Number(_) => "a number",
                    serde_json::Value::String(_) => "a string",
                    serde_json::Value::Array(_) => "an array",
                    serde_json::Value::Object(_) => "an object that breaks a limit",
                };
                Refusal::new(Cause::NotAnObject, format!("the payload is {kind}, and a session is a JSON object"))
            }
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                Refusal::new(Cause::BadJson, format!("the payload is not JSON, at line {line}, column {column}"))
            }
        })?;
    match map.get::<String>(ID_KEY) {
        Ok(None) => Ok(Content::Session(map)),
        Ok(Some(id)) if map.len() == 1 && SessionId::parse(&id).is_some() => Ok(Content::Id(id)),
        _ => {
            let why = format!("`{ID_KEY}` stands beside other data, or is not an id of 22 to 64 characters");
            Err(Refusal::new(Cause::BadId, why))
        }
    }
}

/// Returns the reason why a token with this time is refused.
pub(super) fn age(issued: u64, now: u64, max_age: u64, skew: u64) -> Option<Refusal> {
    if issued > now.saturating_add(skew) {
        let ahead = short(issued - now);
        let why = format!("the cookie is from {ahead} in the future");
        return Some(Refusal::new(Cause::FromTheFuture, why).advise("set the clock of the server that issued it."));
    }
    let age = now.saturating_sub(issued);
    if age <= max_age {
        return None;
    }
    if now.saturating_sub(issued.saturating_add(OLD_EPOCH)) <= max_age && issued.saturating_add(OLD_EPOCH) <= now {
        let why = "the time counts from 2011, as itsdangerous did before 1.1".to_owned();
        return Some(
            Refusal::new(Cause::TimestampOfOldItsdangerous, why).advise("update itsdangerous on the other side."),
        );
    }
    let (age, max_age) = (short(age), short(max_age));
    let why = format!("the cookie is {age} old, and expires after {max_age}");
    Some(Refusal::new(Cause::Expired, why).advise("the user signs in again; --max-age says what the service allows."))
}

/// Returns the ways of signing that differ from the configured one, the likeliest first.
pub(super) fn other_schemes(own: &Scheme, cookie_name: &str) -> Vec<Scheme> {
    let name = cookie_name.strip_prefix("__Host-").unwrap_or(cookie_name);
    let salts = [
        own.salt.clone(),
        session_core::signer::DEFAULT_SALT.to_owned(),
        format!("{name}.cookie"),
        format!("{name}.server"),
        "cookie-session".to_owned(),
        "itsdangerous".to_owned(),
        name.to_owned(),
        String::new(),
    ];
    let digests = [own.digest, DigestArg::Sha1, DigestArg::Sha256, DigestArg::Sha384, DigestArg::Sha512];
    let derivations =
        [own.derivation, DerivationArg::DjangoConcat, DerivationArg::Concat, DerivationArg::Hmac, DerivationArg::None];
    let mut schemes = Vec::new();
    for salt in &salts {
        for digest in digests {
            for derivation in derivations {
                schemes.push(Scheme { salt: salt.clone(), digest, derivation });
            }
        }
    }
    schemes.sort_by_key(|other| {
        usize::from(other.salt != own.salt)
            + usize::from(other.digest != own.digest)
            + usize::from(other.derivation != own.derivation)
    });
    schemes.retain(|scheme| scheme != own);
    schemes
}

/// Describes how the way of signing differs from the service's.
pub(super) fn difference(own: &Scheme, found: &Scheme) -> Refusal {
    let mut parts = Vec::new();
    if found.salt != own.salt {
        let whose = match found.salt.as_str() {
            salt if salt.ends_with(".cookie") || salt.ends_with(".server") => ", of a hardened configuration",
            "cookie-session" => ", of Flask",
            "itsdangerous" => ", of a serializer of itsdangerous",
            session_core::signer::DEFAULT_SALT => ", the default of itsdangerous",
            _ => "",
        };
        parts.push((Cause::OtherSalt, format!("the salt `{}`{whose}", found.salt)));
    }
    if found.derivation != own.derivation {
        parts.push((Cause::OtherDerivation, format!("the key derivation {}", name(found.derivation))));
    }
    if found.digest != own.digest {
        parts.push((Cause::OtherDigest, format!("the digest {}", name(found.digest))));
    }
    let cause = parts.first().map_or(Cause::WrongKey, |(cause, _)| *cause);
    let list = parts.into_iter().map(|(_, part)| part).collect::<Vec<_>>().join(" and ");
    Refusal::new(cause, format!("the key is right, and the cookie was signed with {list}"))
        .advise("configure both services alike.")
}

fn name(value: impl clap::ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// Returns other forms in which the other side may have read a secret.
pub(super) fn other_forms(secret: &[u8]) -> Vec<(&'static str, Secret)> {
    let mut forms = vec![
        ("with a line feed at its end", Secret::new([secret, b"\n"].concat())),
        ("without white space around it", Secret::new(secret.trim_ascii().to_vec())),
        ("in quotes", Secret::new([b"\"", secret, b"\""].concat())),
    ];
    if let Ok(decoded) = STANDARD.decode(secret) {
        forms.push(("decoded from base64", Secret::new(decoded)));
    }
    if let Ok(decoded) = URL_SAFE_NO_PAD.decode(secret) {
        forms.push(("decoded from base64url", Secret::new(decoded)));
    }
    if let Some(decoded) = from_hex(secret) {
        forms.push(("decoded from hexadecimal", Secret::new(decoded)));
    }
    forms
}

fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() % 2 == 1 {
        return None;
    }
    text.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
