//! The time of signing and of work on a session's map.

use std::fmt::Write;
use std::hint::black_box;

use anyhow::Result;
use session_bench::session::{SECRET, VALUES, VISITS};
use session_core::SessionMap;
use session_core::signer::{Digest, Key, TimestampSigner};

use super::timer::Timer;
use crate::results::{load, save, thousands};

const PART: &str = "times";

/// The name of each measurement, and its time in nanoseconds.
type Numbers = Vec<(String, f64)>;

/// The instant of all signatures, in seconds.
const NOW: u64 = 1_700_000_000;

/// Measures all times.
///
/// # Errors
///
/// Returns an error if criterion can't write.
pub fn measure() -> Result<()> {
    let mut timer = Timer::new()?;
    let session = vec![b'a'; VALUES.len().div_ceil(3) * 4];
    for (what, payload) in [("an id", &session[..48]), ("the session", &session)] {
        for (name, digest) in [("SHA-1", Digest::Sha1), ("SHA-256", Digest::Sha256)] {
            let signer = TimestampSigner::new(Key::new(SECRET).digest(digest));
            let token = signer.sign(payload, NOW);
            timer.time(&format!("sign {what}, {name}"), || signer.sign(black_box(payload), NOW))?;
            timer.time(&format!("verify {what}, {name}"), || {
                signer.unsign(black_box(&token), Some(60), NOW + 1).is_ok()
            })?;
        }
    }

    let map = SessionMap::from_json(VALUES)?;
    timer.time("index the JSON text", || SessionMap::from_slice(black_box(VALUES.as_bytes())))?;
    timer.time("read a number", || black_box(&map).get::<u64>(VISITS))?;
    timer.time("copy the map", || black_box(&map).clone())?;
    timer.time("copy the map and change a number", || {
        let mut map = black_box(&map).clone();
        map.insert(VISITS, 42).map(|_| map)
    })?;
    timer.time("write it as JSON text", || black_box(&map).as_json().into_owned())?;
    save(PART, &timer.taken)
}

/// Writes the section of this part.
///
/// # Errors
///
/// Returns an error if this part has not been measured.
pub fn report() -> Result<String> {
    let numbers: Numbers = load(PART)?;
    let mut text = format!(
        "## Signer and session map\n\nMedian times by criterion; the session is the one of the requests, {} bytes.\n\n\
         | | ns |\n|---|---:|\n",
        VALUES.len()
    );
    for (what, nanoseconds) in numbers {
        writeln!(text, "| {what} | {} |", thousands(nanoseconds))?;
    }
    Ok(text)
}
