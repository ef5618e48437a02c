//! The memory of the process after a configuration was dropped.
//!
//! On Linux, which lets a process read its own memory as a file.

use std::fs::{File, read_to_string};
use std::os::unix::fs::FileExt;

use session_core::{SessionConfig, SessionManager};

use crate::support::{Browser, at_once};

/// The length of the secret.
const SECRET: usize = 240;

/// The bytes of the secret that are searched for. An allocator writes to the first bytes of what it has freed.
const START: usize = 100;
const LENGTH: usize = 48;

/// Returns a byte of the secret. The test never holds the whole secret anywhere but in the configuration.
fn secret_byte(index: usize) -> u8 {
    u8::try_from((index * index * 31 + index * 7 + 89) % 251).expect("a byte")
}

/// Returns how often the secret is found in the process's writable memory.
fn occurrences() -> usize {
    let memory = File::open("/proc/self/mem").expect("a process may read its own memory");
    let maps = read_to_string("/proc/self/maps").expect("Linux lists the parts of the memory");
    maps.lines().filter(|part| part.contains(" rw")).map(|part| occurrences_in(&memory, part)).sum()
}

fn occurrences_in(memory: &File, part: &str) -> usize {
    let address = |text: Option<&str>| u64::from_str_radix(text.expect("an address"), 16).expect("hexadecimal");
    let mut range = part.split([' ', '-']);
    let (start, end) = (address(range.next()), address(range.next()));
    let mut buffer = vec![0; 1 << 20];
    let mut found = 0;
    let mut from = start;
    while from + LENGTH as u64 <= end {
        // Another test may free this part at any time.
        let Ok(read @ LENGTH..) = memory.read_at(&mut buffer, from) else { break };
        let read = read.min(usize::try_from(end - from).unwrap_or(usize::MAX));
        found += buffer[..read].windows(LENGTH).filter(|window| is_secret(window)).count();
        // The end of this piece is read again, because the secret may lie across the border.
        from += (read - LENGTH + 1) as u64;
    }
    buffer.fill(0);
    found
}

fn is_secret(window: &[u8]) -> bool {
    window.iter().enumerate().all(|(index, byte)| *byte == secret_byte(START + index))
}

#[test]
fn a_dropped_configuration_leaves_no_secret_in_memory() {
    let secret: Vec<u8> = (0..SECRET).map(secret_byte).collect();
    assert!(occurrences() > 0, "the search finds a secret that is in use");
    let manager =
        SessionManager::new(SessionConfig::builder(secret, "session").build().expect("a valid configuration"));
    let mut browser = Browser::default();
    for value in [1, 2] {
        let handle = manager.open([browser.header().as_bytes()]);
        let session = at_once(handle.load()).expect("cookie mode does not fail");
        session.insert("n", value).expect("a number");
        browser.receive(&at_once(handle.commit(200)));
    }
    assert!(browser.has_cookie());
    drop(manager);
    assert_eq!(occurrences(), 0);
}
