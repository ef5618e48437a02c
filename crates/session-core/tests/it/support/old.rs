//! The format of a former service.

use session_core::format::{Format, FormatSettings};

pub(crate) const OLD_SECRET: &str = "the secret of the former service, long enough";

/// Starlette's tokens, in a store or in the cookie.
pub(crate) struct Old {
    pub(crate) in_store: bool,
}

impl Format for Old {
    fn name(&self) -> &'static str {
        "old"
    }

    fn settings(&self) -> FormatSettings {
        if self.in_store { FormatSettings::in_store("old:") } else { FormatSettings::in_cookie() }
    }
}
