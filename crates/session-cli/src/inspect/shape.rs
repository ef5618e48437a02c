//! The formats that can be recognised without a key.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// The format of a text, and a phrase that describes the text.
pub(super) struct Shape {
    pub(super) format: &'static str,
    pub(super) is: &'static str,
}

/// Returns the format of a text, if it can be only that one.
pub(super) fn recognise(value: &str) -> Option<Shape> {
    let shape = |format, is| Some(Shape { format, is });
    let dots = value.matches('.').count();
    if dots == 2 && object(value, 0).is_some_and(|header| header.get("alg").is_some()) {
        return shape("jwt", "a JSON Web Token");
    }
    if dots == 4 && object(value, 0).is_some_and(|header| header.get("enc").is_some()) {
        return shape("jwe", "an encrypted JSON Web Token");
    }
    if value.starts_with("s:") && dots > 0 {
        return shape("express", "a cookie of Express");
    }
    if value.starts_with('.') && dots == 3 {
        return shape("flask", "a compressed cookie of Flask");
    }
    if value.matches(':').count() == 2 && dots <= 1 {
        return shape("django-cookie", "a cookie of Django with `signed_cookies`, or `session_data` of its table");
    }
    if value.contains("--") && dots == 0 {
        return shape("rails", "a cookie of Rails");
    }
    if let Some(Value::Object(object)) =
        STANDARD.decode(value).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok())
        && ["iv", "value", "mac"].iter().all(|key| object.contains_key(*key))
    {
        return shape("laravel", "an encrypted cookie of Laravel");
    }
    let all = |test: fn(&u8) -> bool| value.bytes().all(|byte| test(&byte));
    match value.len() {
        32 if all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) => {
            shape("django-db or django-cache", "a session id of Django, without a signature")
        }
        26 if all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) => shape("php", "a session id of PHP"),
        22 if URL_SAFE_NO_PAD.decode(value).is_ok() => {
            shape("tower-sessions", "a bare session id, such as tower-sessions has")
        }
        43 if URL_SAFE_NO_PAD.decode(value).is_ok() => {
            shape("flask-session", "a session id of Flask-Session, without a signature")
        }
        _ => None,
    }
}

/// Decodes a part of a token as a JSON object.
fn object(value: &str, part: usize) -> Option<Value> {
    let bytes = URL_SAFE_NO_PAD.decode(value.split('.').nth(part)?).ok()?;
    serde_json::from_slice::<Value>(&bytes).ok().filter(Value::is_object)
}

/// Returns `true` if Flask rather than Starlette wrote the payload of a token.
pub(super) fn is_flask_payload(payload: &str) -> bool {
    let json = URL_SAFE_NO_PAD.decode(payload).ok();
    STANDARD.decode(payload).is_err()
        && json.is_some_and(|bytes| serde_json::from_slice::<Value>(&bytes).is_ok_and(|value| value.is_object()))
}
