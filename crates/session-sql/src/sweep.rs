//! The task that deletes expired rows.

use std::sync::{Arc, Weak};
use std::time::Duration;

use session_backend_support::{Background, UnderWay};
use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::engine::Engine;

/// The pause between two batches.
const PAUSE: Duration = Duration::from_millis(100);

/// The clean-up of a backend.
pub(crate) struct Sweep {
    interval: Duration,
    task: Background,
}

impl Sweep {
    pub(crate) fn every(interval: Duration) -> Self {
        Self { interval, task: Background::default() }
    }

    /// Starts the task, unless it runs already. It ends with the backend or with the runtime. In the second case the
    /// next call starts it again.
    pub(crate) fn start<E: Engine>(&self, engine: &Arc<E>) {
        let Ok(runtime) = Handle::try_current() else { return };
        if let Some(under_way) = self.task.begin() {
            runtime.spawn(run(Arc::downgrade(engine), self.interval, under_way));
        }
    }
}

async fn run<E: Engine>(engine: Weak<E>, interval: Duration, _under_way: UnderWay) {
    loop {
        sleep(interval).await;
        let mut deleted = 0;
        loop {
            let Some(engine) = engine.upgrade() else { return };
            match engine.sweep().await {
                Ok(swept) => {
                    deleted += swept.deleted;
                    if !swept.is_full() {
                        break;
                    }
                }
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                    tracing::debug!(cause, "expired sessions were not deleted, the next clean-up tries again");
                    break;
                }
            }
            sleep(PAUSE).await;
        }
        if deleted > 0 {
            tracing::debug!(rows = deleted, "expired sessions were deleted");
        }
    }
}
