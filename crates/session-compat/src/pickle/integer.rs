//! Integers of any size: decimal digits, and two's complement as pickles have it.

/// The longest two's complement that `LONG1` takes, in bytes.
pub(super) const MAX_BYTES: usize = 255;

/// Appends the decimal digits of a little-endian two's complement.
pub(super) fn push_decimal(bytes: &[u8], out: &mut String) {
    let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
    let mut magnitude = bytes.to_vec();
    if negative {
        negate(&mut magnitude);
        out.push('-');
    }
    // Nine digits at a time, the last ones first.
    let mut groups = Vec::new();
    while let Some(&0) = magnitude.last() {
        magnitude.pop();
    }
    while !magnitude.is_empty() {
        let mut rest: u64 = 0;
        for byte in magnitude.iter_mut().rev() {
            rest = rest << 8 | u64::from(*byte);
            *byte = (rest / 1_000_000_000) as u8;
            rest %= 1_000_000_000;
        }
        while let Some(&0) = magnitude.last() {
            magnitude.pop();
        }
        groups.push(rest);
    }
    let mut groups = groups.into_iter().rev();
    out.push_str(&groups.next().unwrap_or(0).to_string());
    groups.for_each(|group| out.push_str(&format!("{group:09}")));
}

/// Returns the shortest little-endian two's complement of a decimal integer; `None` if it is longer than [`MAX_BYTES`].
pub(super) fn twos_complement(decimal: &str) -> Option<Vec<u8>> {
    let (negative, digits) = match decimal.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, decimal),
    };
    // 255 bytes have 614 digits.
    if digits.len() > 620 {
        return None;
    }
    let mut bytes: Vec<u8> = Vec::new();
    for digit in digits.bytes() {
        let mut carry = u32::from(digit.wrapping_sub(b'0'));
        if carry > 9 {
            return None;
        }
        for byte in &mut bytes {
            carry += u32::from(*byte) * 10;
            *byte = carry as u8;
            carry >>= 8;
        }
        if carry > 0 {
            bytes.push(carry as u8);
        }
    }
    // Room for the sign.
    bytes.push(0);
    if negative {
        negate(&mut bytes);
    }
    while let [.., before, last] = bytes[..]
        && ((last == 0 && before < 0x80) || (last == 0xff && before >= 0x80))
    {
        bytes.pop();
    }
    (bytes.len() <= MAX_BYTES).then_some(bytes)
}

fn negate(bytes: &mut [u8]) {
    let mut carry = true;
    for byte in bytes {
        (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back_digit_by_digit() {
        let long = "9".repeat(600);
        for decimal in [
            "0",
            "1",
            "127",
            "128",
            "255",
            "256",
            "32767",
            "32768",
            "1000000000",
            "2147483648",
            "9223372036854775807",
            "18446744073709551615",
            "340282366920938463463374607431768211456",
            &long,
        ] {
            for text in [decimal.to_owned(), format!("-{decimal}")] {
                let mut back = String::new();
                push_decimal(&twos_complement(&text).unwrap(), &mut back);
                assert_eq!(back, if text == "-0" { "0" } else { &*text });
            }
        }
    }

    #[test]
    fn the_shortest_form_is_written() {
        for (decimal, bytes) in
            [("127", &[0x7f][..]), ("128", &[0x80, 0]), ("-128", &[0x80]), ("-129", &[0x7f, 0xff]), ("-1", &[0xff])]
        {
            assert_eq!(twos_complement(decimal).unwrap(), bytes);
        }
        assert_eq!(twos_complement(&"9".repeat(700)), None);
        assert_eq!(twos_complement("1x"), None);
    }
}
