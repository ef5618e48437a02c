//! The format of a made-up framework.

use std::fmt;
use std::sync::Arc;

use session_core::SessionCodec;
use session_core::format::{Format, FormatSettings};

/// Starlette's tokens, with values of this codec under keys that begin with `neighbour:`.
#[derive(Clone)]
pub struct Neighbour(Arc<dyn SessionCodec>);

impl Neighbour {
    /// A neighbour whose values are those of a codec.
    #[must_use]
    pub fn new(codec: impl SessionCodec) -> Self {
        Self(Arc::new(codec))
    }
}

impl fmt::Debug for Neighbour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Neighbour").finish_non_exhaustive()
    }
}

impl Format for Neighbour {
    fn name(&self) -> &'static str {
        "neighbour"
    }

    fn settings(&self) -> FormatSettings {
        FormatSettings::in_store("neighbour:")
    }

    fn codec(&self) -> Option<Arc<dyn SessionCodec>> {
        Some(self.0.clone())
    }
}
