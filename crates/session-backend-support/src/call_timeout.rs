//! The time that a call may take.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The timeout if no manager uses the store.
const DEFAULT: Duration = Duration::from_millis(250);

/// The range of the deadlines that are followed.
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(3600);

/// The time that a call may take: the timeout that the application has set, or else the request deadline of the session
/// manager.
///
/// Without both it is 250 ms. Clones follow the same deadline.
#[derive(Clone, Default)]
pub struct CallTimeout {
    set: Option<Duration>,
    /// In nanoseconds; zero until a manager uses the store.
    followed: Arc<AtomicU64>,
}

impl CallTimeout {
    /// Makes a timeout from the application's setting; `None` if there is none.
    #[must_use]
    pub fn new(set: Option<Duration>) -> Self {
        Self { set, followed: Arc::default() }
    }

    /// Follows the request deadline of a manager, unless the application has set a timeout. If several managers use the
    /// store, the longest deadline counts.
    ///
    /// The deadline is limited to the range from 10 ms to one hour.
    pub fn follow(&self, deadline: Duration) {
        let nanos = u64::try_from(deadline.clamp(SHORTEST, LONGEST).as_nanos()).unwrap_or(u64::MAX);
        self.followed.fetch_max(nanos, Ordering::Relaxed);
    }

    /// Returns the timeout of a call that begins now.
    #[must_use]
    pub fn get(&self) -> Duration {
        match (self.set, self.followed.load(Ordering::Relaxed)) {
            (Some(set), _) => set,
            (None, 0) => DEFAULT,
            (None, nanos) => Duration::from_nanos(nanos),
        }
    }
}

impl fmt::Debug for CallTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_follows_the_longest_deadline_unless_it_is_set() {
        let millis = Duration::from_millis;
        let (set, unset) = (CallTimeout::new(Some(millis(70))), CallTimeout::default());
        let clone = unset.clone();
        assert_eq!((set.get(), clone.get()), (millis(70), millis(250)));
        for (deadline, followed) in [(millis(1), millis(10)), (millis(40), millis(40)), (millis(30), millis(40))] {
            set.follow(deadline);
            unset.follow(deadline);
            assert_eq!((set.get(), clone.get()), (millis(70), followed));
        }
        unset.follow(Duration::MAX);
        assert_eq!(clone.get(), LONGEST);
    }
}
