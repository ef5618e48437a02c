//! The memory of this process.

/// Returns the resident memory of this process in bytes, as Linux counts it.
///
/// # Panics
///
/// Panics if the system has no `/proc`.
#[must_use]
pub fn bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells the state of a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it tells its memory");
    let kibibytes: usize = line.trim().trim_end_matches(" kB").parse().expect("memory is a number");
    kibibytes * 1024
}
