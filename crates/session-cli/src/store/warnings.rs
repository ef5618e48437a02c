//! The warnings that a store logs, for example about a server that evicts sessions.

use std::io;
use std::sync::{Mutex, PoisonError};

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::writer::MakeWriterExt;

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Begins to collect warnings.
pub(super) fn listen() {
    let subscriber = tracing_subscriber::fmt().without_time().with_target(false).with_level(false).with_ansi(false);
    // An error is the reason of a check that failed, which names it.
    let warnings = (|| Writer).with_filter(|line| *line.level() == LevelFilter::WARN);
    subscriber.with_max_level(LevelFilter::WARN).with_writer(warnings).init();
}

/// Returns the warnings, in one line.
pub(super) fn taken() -> String {
    let log = std::mem::take(&mut *LOG.lock().unwrap_or_else(PoisonError::into_inner));
    String::from_utf8_lossy(&log).trim().replace('\n', "; ")
}

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
