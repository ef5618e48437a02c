//! Base64 (RFC 4648). Vector instructions convert payloads, if the CPU has them. The code here converts short texts.

#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon")))]
mod vectors {
    use std::sync::LazyLock;

    use base64::engine::Simd;
    use base64::engine::general_purpose::PAD;

    static ENGINE: LazyLock<Simd> = LazyLock::new(|| Simd::standard(PAD));

    /// Returns the engine for the standard alphabet with padding.
    pub(crate) fn payload_engine() -> &'static Simd {
        &ENGINE
    }
}

#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon")))]
pub(crate) use vectors::payload_engine;

/// Returns the engine for the standard alphabet with padding.
#[cfg(not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon"))))]
pub(crate) fn payload_engine() -> &'static base64::engine::GeneralPurpose {
    &base64::engine::general_purpose::STANDARD
}

/// Decodes a short text without padding, such as an id. For so short a text, the set-up of a general decoder takes as
/// long as the decoding.
///
/// Returns `false` if the text is not the canonical encoding of as many bytes as `out` holds.
pub(crate) fn decode_short(text: &[u8], alphabet: &Alphabet, out: &mut [u8]) -> bool {
    let ((quads, last_text), (triples, last_out)) = (text.as_chunks(), out.as_chunks_mut());
    if quads.len() != triples.len() {
        return false;
    }
    let mut seen = 0;
    for (quad, triple) in quads.iter().zip(triples) {
        let bits = alphabet.bits(*quad, &mut seen);
        let [x, y, z, _] = (bits << 8).to_be_bytes();
        *triple = [x, y, z];
    }
    let (bits, unused) = match (last_text, last_out) {
        ([], []) => (0, 0),
        ([a, b], [x]) => {
            let bits = alphabet.bits([*a, *b, b'A', b'A'], &mut seen);
            [_, *x, ..] = bits.to_be_bytes();
            (bits, 0xffff)
        }
        ([a, b, c], [x, y]) => {
            let bits = alphabet.bits([*a, *b, *c, b'A'], &mut seen);
            [_, *x, *y, _] = bits.to_be_bytes();
            (bits, 0xff)
        }
        _ => return false,
    };
    seen < 1 << 24 && bits & unused == 0
}

/// Encodes a few bytes in the alphabet of section 5, without padding. Returns the length of the text, for which `out` must
/// have room.
pub(crate) fn encode_short(bytes: &[u8], out: &mut [u8]) -> usize {
    let (triples, last) = bytes.as_chunks();
    let len = (bytes.len() * 8).div_ceil(6);
    let (quads, last_out) = out[..len].as_chunks_mut();
    for ([x, y, z], quad) in triples.iter().zip(quads) {
        *quad = URL_SAFE.quad([*x, *y, *z]);
    }
    match (last, last_out) {
        ([x], [a, b]) => [*a, *b, ..] = URL_SAFE.quad([*x, 0, 0]),
        ([x, y], [a, b, c]) => [*a, *b, *c, _] = URL_SAFE.quad([*x, *y, 0]),
        _ => {}
    }
    len
}

// The table fills one cache line, so that the timing of an access does not reveal which entry a secret selected.
#[repr(C, align(64))]
pub(crate) struct Alphabet {
    characters: [u8; 64],
    /// The six bits of each character; a value of more than 24 bits for all other bytes.
    six_bits: [u32; 256],
}

/// The alphabet of section 4.
pub(crate) static STANDARD: Alphabet =
    Alphabet::new(*b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");

/// The alphabet of section 5, for URLs.
pub(crate) static URL_SAFE: Alphabet =
    Alphabet::new(*b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

impl Alphabet {
    const fn new(characters: [u8; 64]) -> Self {
        let mut six_bits = [1 << 24; 256];
        let mut at = 0;
        while at < characters.len() {
            six_bits[characters[at] as usize] = at as u32;
            at += 1;
        }
        Self { characters, six_bits }
    }

    /// Returns the four characters of three bytes.
    #[inline]
    fn quad(&self, [x, y, z]: [u8; 3]) -> [u8; 4] {
        let bits = u32::from_be_bytes([0, x, y, z]);
        [18, 12, 6, 0].map(|shift| self.characters[(bits >> shift & 63) as usize])
    }

    /// Returns `true` if all bytes are characters of the alphabet.
    pub(crate) fn has_all(&self, text: &[u8]) -> bool {
        text.iter().fold(0, |seen, &character| seen | self.six_bits[usize::from(character)]) < 1 << 24
    }

    /// Returns the 24 bits of four characters. A character outside of the alphabet sets a higher bit of `seen`.
    #[inline]
    fn bits(&self, quad: [u8; 4], seen: &mut u64) -> u32 {
        let [a, b, c, d] = quad.map(|character| u64::from(self.six_bits[usize::from(character)]));
        let bits = a << 18 | b << 12 | c << 6 | d;
        *seen |= bits;
        bits as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

    /// Returns the library's decoding; `None` if it refuses the text.
    fn expected(text: &[u8], engine: &impl Engine) -> Option<Vec<u8>> {
        engine.decode(text).ok()
    }

    fn decoded(text: &[u8], alphabet: &Alphabet) -> Option<Vec<u8>> {
        let mut out = vec![0; text.len() * 3 / 4];
        decode_short(text, alphabet, &mut out).then_some(out)
    }

    #[test]
    fn values_of_every_length_are_encoded_and_decoded_as_by_the_library() {
        for len in 0..=66 {
            let bytes: Vec<u8> = (0..len).map(|at| (at * 151 + len * 29) as u8).collect();
            let text = URL_SAFE_NO_PAD.encode(&bytes);
            let mut encoded = vec![0; text.len() + 1];
            let encoded_len = encode_short(&bytes, &mut encoded);
            assert_eq!((&encoded[..encoded_len], encoded[encoded_len]), (text.as_bytes(), 0));
            assert_eq!(decoded(text.as_bytes(), &URL_SAFE).as_ref(), Some(&bytes));
            let mut out = vec![0; len + 1];
            assert!(!decode_short(text.as_bytes(), &URL_SAFE, &mut out), "longer");
            assert!(len == 0 || !decode_short(text.as_bytes(), &URL_SAFE, &mut out[..len - 1]), "shorter");
        }
    }

    #[test]
    fn every_byte_in_every_place_is_taken_or_refused_as_by_the_library() {
        for len in 1..=8 {
            for at in 0..len {
                for byte in 0..=u8::MAX {
                    let mut text = vec![b'A'; len];
                    text[at] = byte;
                    let shown = text.escape_ascii().to_string();
                    assert_eq!(decoded(&text, &URL_SAFE), expected(&text, &URL_SAFE_NO_PAD), "{shown}");
                    assert_eq!(decoded(&text, &STANDARD), expected(&text, &STANDARD_NO_PAD), "{shown}");
                }
            }
        }
    }
}
