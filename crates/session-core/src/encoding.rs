//! Base64 (RFC 4648): of payloads with the CPU's vector instructions where there are any, and of short texts by hand.

#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon")))]
mod vectors {
    use std::sync::LazyLock;

    use base64::engine::Simd;
    use base64::engine::general_purpose::PAD;

    static ENGINE: LazyLock<Simd> = LazyLock::new(|| Simd::standard(PAD));

    /// The standard alphabet, padded.
    pub(crate) fn standard() -> &'static Simd {
        &ENGINE
    }
}

#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon")))]
pub(crate) use vectors::standard;

/// The standard alphabet, padded.
#[cfg(not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon"))))]
pub(crate) fn standard() -> &'static base64::engine::GeneralPurpose {
    &base64::engine::general_purpose::STANDARD
}

/// Decodes a short text without padding, such as a signature: half a dozen of them in each request would cost more by a
/// decoder for texts of any length.
///
/// Returns false if the text is not the canonical one of so many bytes as `out` takes.
pub(crate) fn decode_short(text: &[u8], alphabet: &Alphabet, out: &mut [u8]) -> bool {
    let ((quads, last_text), (triples, last_out)) = (text.as_chunks(), out.as_chunks_mut());
    if quads.len() != triples.len() {
        return false;
    }
    let bits_of = |text: [u8; 4]| text.map(|character| alphabet.bits[usize::from(character)]);
    // What is no character of the alphabet has bits that none of them has.
    let mut seen = 0;
    for (quad, triple) in quads.iter().zip(triples) {
        let [a, b, c, d] = bits_of(*quad);
        seen |= a | b | c | d;
        *triple = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
    }
    let unused = match (last_text, last_out) {
        ([], []) => 0,
        (&[a, b], [x]) => {
            let [a, b, ..] = bits_of([a, b, 0, 0]);
            seen |= a | b;
            *x = a << 2 | b >> 4;
            b << 4
        }
        (&[a, b, c], [x, y]) => {
            let [a, b, c, _] = bits_of([a, b, c, 0]);
            seen |= a | b | c;
            (*x, *y) = (a << 2 | b >> 4, b << 4 | c >> 2);
            c << 6
        }
        _ => return false,
    };
    seen < 64 && unused == 0
}

/// What each character stands for.
pub(crate) struct Alphabet {
    bits: [u8; 256],
}

/// Of section 4.
pub(crate) static STANDARD: Alphabet = Alphabet::new(*b"+/");

/// Of section 5.
pub(crate) static URL_SAFE: Alphabet = Alphabet::new(*b"-_");

impl Alphabet {
    const fn new(last_two: [u8; 2]) -> Self {
        let most = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut bits = [u8::MAX; 256];
        let mut at = 0;
        while at < most.len() {
            bits[most[at] as usize] = at as u8;
            at += 1;
        }
        bits[last_two[0] as usize] = 62;
        bits[last_two[1] as usize] = 63;
        Self { bits }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

    /// By the library; nothing if it refuses the text.
    fn expected(text: &[u8], engine: &impl Engine) -> Option<Vec<u8>> {
        engine.decode(text).ok()
    }

    fn decoded(text: &[u8], alphabet: &Alphabet) -> Option<Vec<u8>> {
        let mut out = vec![0; text.len() * 3 / 4];
        decode_short(text, alphabet, &mut out).then_some(out)
    }

    #[test]
    fn texts_of_every_length_are_decoded_as_by_the_library() {
        for len in 0..=66 {
            let bytes: Vec<u8> = (0..len).map(|at| (at * 151 + len * 29) as u8).collect();
            let text = URL_SAFE_NO_PAD.encode(&bytes);
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
