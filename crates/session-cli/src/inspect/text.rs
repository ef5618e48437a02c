//! Finds the value of a cookie in the text that the operator has copied.

use super::report::{Cause, Refusal};

/// The attributes of a `Set-Cookie` header, which are not cookies.
const ATTRIBUTES: &[&str] =
    &["domain", "expires", "httponly", "max-age", "partitioned", "path", "priority", "samesite", "secure"];

/// The longest cookie that browsers keep, name and value together.
const LONGEST: usize = 4096;

/// A cookie as the service receives it.
pub(super) struct Cookie {
    pub(super) name: String,
    /// The value as it was sent.
    pub(super) raw: String,
    /// The value as the service reads it: without quotes, percent-decoded.
    pub(super) value: String,
    pub(super) notes: Vec<&'static str>,
}

/// Finds the cookie of the service in a value, a pair, or a whole header.
pub(super) fn cookie(text: &str, wanted: Option<&str>) -> Result<Cookie, Refusal> {
    let pairs = pairs(text);
    let named = |name: &str| pairs.iter().filter(move |(own, _)| own.is_none_or(|own| own == name)).collect::<Vec<_>>();
    let name = match (wanted, &pairs[..]) {
        (Some(wanted), _) => wanted,
        (None, [(name, _)]) => name.unwrap_or("session"),
        (None, _) if !named("session").is_empty() => "session",
        (None, _) => pairs.first().and_then(|(name, _)| *name).unwrap_or("session"),
    };
    let found = named(name);
    let Some((_, raw)) = found.first() else {
        let why = format!("there is no cookie with the name `{name}`");
        return Err(Refusal::new(Cause::OtherName, why).advise("compare the cookie's name, domain and path."));
    };
    let joined = raw.split(',').filter(|part| part.matches('.').count() >= 2).count() > 1;
    if joined || found.iter().any(|(_, other)| other != raw) {
        let why = "there are several values for one cookie".to_owned();
        return Err(Refusal::new(Cause::TwoValues, why)
            .advise("remove the cookie of the other domain or path; inspect each value alone."));
    }
    read(name, raw)
}

fn read(name: &str, raw: &str) -> Result<Cookie, Refusal> {
    if raw.is_empty() {
        return Err(Refusal::new(Cause::Empty, "the cookie is empty".to_owned()));
    }
    if matches!(raw, "null" | "deleted" | "\"\"") {
        let why = format!("`{raw}` is a value that frameworks set to remove a cookie, and holds no session");
        return Err(
            Refusal::new(Cause::Removed, why).advise("the client should have dropped the cookie: is its clock slow?")
        );
    }
    if name.len() + raw.len() > LONGEST {
        let why = format!("name and value have {} bytes, and browsers keep {LONGEST}", name.len() + raw.len());
        return Err(Refusal::new(Cause::TooLong, why).advise("keep less in the session, or keep sessions in a store."));
    }
    let mut notes = Vec::new();
    let mut value = raw.to_owned();
    if let Some(inner) = unquoted(&value, '"') {
        value = inner.to_owned();
        notes.push("The value is in quotes. The service drops them.");
    }
    if let Some(decoded) = percent_decoded(&value) {
        value = decoded;
        notes.push("The value is percent-encoded. The service decodes it once.");
    }
    Ok(Cookie { name: name.to_owned(), raw: raw.to_owned(), value, notes })
}

/// Returns the cookies of a text with their names, without attributes.
fn pairs(text: &str) -> Vec<(Option<&str>, &str)> {
    let text = text.trim();
    let header = ["cookie:", "set-cookie:"]
        .iter()
        .find_map(|header| text.get(..header.len())?.eq_ignore_ascii_case(header).then(|| &text[header.len()..]));
    let parts = header.unwrap_or(text).split(';').map(str::trim);
    let pairs = parts.map(|part| match part.split_once('=') {
        Some((name, value))
            if is_name(name) && !value.starts_with(['=', '.']) && (!value.is_empty() || !name.starts_with("eyJ")) =>
        {
            (Some(name), value)
        }
        _ => (None, part),
    });
    let is_attribute = |(name, value): &(Option<&str>, &str)| {
        let own = name.unwrap_or(value).to_ascii_lowercase();
        ATTRIBUTES.contains(&own.as_str())
    };
    let all: Vec<_> = pairs.collect();
    let mut cookies: Vec<_> = all.iter().copied().filter(|pair| !is_attribute(pair)).collect();
    // A header may end with a semicolon.
    if cookies.len() > 1 {
        cookies.retain(|pair| *pair != (None, ""));
    }
    cookies
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn unquoted(value: &str, quote: char) -> Option<&str> {
    value.strip_prefix(quote)?.strip_suffix(quote)
}

/// Decodes percent-encoded bytes. Returns `None` if there are none, or if the result is not text.
pub(super) fn percent_decoded(value: &str) -> Option<String> {
    let mut parts = value.split('%');
    let mut decoded = parts.next()?.as_bytes().to_vec();
    let mut found = false;
    for part in parts {
        match part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                decoded.extend(&part.as_bytes()[2..]);
                found = true;
            }
            None => {
                decoded.push(b'%');
                decoded.extend(part.as_bytes());
            }
        }
    }
    if found { String::from_utf8(decoded).ok() } else { None }
}

/// The lengths of the signatures of SHA-1, SHA-256, SHA-384 and SHA-512.
pub(super) const SIGNATURE_LENGTHS: [usize; 4] = [27, 43, 64, 86];

/// Returns readings of the value that the service does not try, each with its cause and sentence.
pub(super) fn repaired(value: &str) -> Vec<(String, Cause, &'static str)> {
    let mut readings = Vec::new();
    if let Some(decoded) = percent_decoded(value) {
        readings.push((decoded, Cause::EncodedTwice, "the value was percent-encoded twice"));
    }
    let bare = value.replace("\\\"", "\"");
    let bare = bare.trim_matches(['"', '\'', '`']);
    if bare != value {
        readings.push((bare.to_owned(), Cause::Quoted, "there are quotes or backslashes around the value"));
    }
    let joined: String = value.split_whitespace().collect();
    if joined != value {
        readings.push((joined, Cause::WhiteSpace, "there is white space inside the value, as after a line break"));
        let plus = value.replace(' ', "+");
        readings.push((plus, Cause::PlusAsSpace, "a plus sign became a space, as in the decoding of a form"));
    }
    if let Some((second, _)) = value.match_indices('.').nth(1) {
        for length in SIGNATURE_LENGTHS {
            if let Some(whole) = value.get(..second + 1 + length).filter(|whole| *whole != value) {
                readings.push((whole.to_owned(), Cause::MoreText, "there is more text after the signature"));
            }
        }
    }
    readings
}
