//! The JSON text of a session in a cookie: base64url, and compressed if that is shorter. Flask and Django use the same
//! form.

use std::fmt::Write;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use session_core::SessionMap;

/// The first byte of a compressed text.
const COMPRESSED: u8 = b'.';

/// The longest JSON text. A cookie of 4 KiB may inflate to a thousand times its size.
const MAX_BYTES: usize = 1 << 20;

/// The level at which Python's zlib compresses by default.
const LEVEL: u8 = 6;

/// Flask and Django write no padding, but read it.
const READER: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Returns the packed form of a session's JSON text, which is escaped to ASCII first.
pub(crate) fn pack(json: &str) -> String {
    let json = ascii(json);
    let compressed = compress_to_vec_zlib(json.as_bytes(), LEVEL);
    if compressed.len() + 1 < json.len() {
        [".", &URL_SAFE_NO_PAD.encode(compressed)].concat()
    } else {
        URL_SAFE_NO_PAD.encode(json)
    }
}

/// Returns the session of a packed text; `None` if the text holds no JSON object.
pub(crate) fn unpack(text: &[u8]) -> Option<SessionMap> {
    let json = match text.strip_prefix(&[COMPRESSED]) {
        Some(text) => decompress_to_vec_zlib_with_limit(&READER.decode(text).ok()?, MAX_BYTES).ok()?,
        None => READER.decode(text).ok()?,
    };
    let session = SessionMap::from_slice(&json).ok()?;
    session.validate().ok().map(|()| session)
}

/// Escapes characters that are not ASCII, which a JSON text has only in strings.
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            out.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a text does not fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}
