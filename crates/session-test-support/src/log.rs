//! The log lines of a test.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, OnceLock};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// Keeps the lines that one crate logs on the current thread.
#[derive(Debug)]
pub struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    _guard: DefaultGuard,
}

impl Log {
    /// Begins to keep the lines whose target starts with `target`.
    #[must_use]
    pub fn capture(target: &'static str) -> Self {
        // While only one subscriber exists, tracing asks the subscriber of the thread that is the first to log a line,
        // and caches the answer. That thread may have no subscriber, so a second one is made.
        static SECOND: OnceLock<Dispatch> = OnceLock::new();
        SECOND.get_or_init(|| Dispatch::new(Recorder { target: "", lines: Arc::default() }));
        let lines = Arc::default();
        let _guard = tracing::subscriber::set_default(Recorder { target, lines: Arc::clone(&lines) });
        Self { lines, _guard }
    }

    /// Returns the lines since the last call, each with its level, its message and its fields.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lines.lock().expect("nothing panics while it logs"))
    }

    /// Returns the lines since the last call, without those at the levels `debug` and `trace`.
    #[must_use]
    pub fn take_problems(&self) -> Vec<String> {
        self.take().into_iter().filter(|line| !line.starts_with("DEBUG") && !line.starts_with("TRACE")).collect()
    }
}

#[derive(Debug)]
struct Recorder {
    target: &'static str,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with(self.target)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.lines.lock().expect("nothing panics while it logs").push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let name = if field.name() == "message" { String::new() } else { format!("{}=", field.name()) };
        write!(self.0, " {name}{value:?}").expect("a string takes all");
    }
}
