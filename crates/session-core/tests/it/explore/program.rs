//! The requests that are run together.

/// What one request does with the session. Its meaning is the code of `api::handle`, and of `serial::step` for the judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    /// Reads all data.
    Read,
    /// Sets a key that all inserts set, and one of its own.
    Insert,
    /// Increments a number.
    Update,
    /// Removes each key that the session began with.
    RemoveLast,
    /// Clears the session.
    Clear,
    /// Takes a one-time value.
    Take,
    /// Renews the session.
    Renew,
    /// Inserts a user and renews the session.
    Login,
    /// Destroys the session without reading it.
    Destroy,
    /// Increments, saves, and increments again. A save that fails because of the store is left to the commit. Its cookie
    /// is due for a refresh.
    SaveThenMore,
    /// Increments, and answers 500.
    Fail,
    /// Reads all data. Its cookie is due for a refresh.
    SlowRead,
}

/// The operations of two or three requests that begin with the cookie of one session.
pub(super) type Program = Vec<Operation>;

impl Operation {
    pub(super) const ALL: [Self; 12] = [
        Self::Read,
        Self::Insert,
        Self::Update,
        Self::RemoveLast,
        Self::Clear,
        Self::Take,
        Self::Renew,
        Self::Login,
        Self::Destroy,
        Self::SaveThenMore,
        Self::Fail,
        Self::SlowRead,
    ];

    /// Returns `true` if the request comes with an old cookie of the session.
    pub(super) fn refresh_is_due(self) -> bool {
        matches!(self, Self::SaveThenMore | Self::SlowRead)
    }

    /// Returns `true` if the operation gives the session a new id.
    pub(super) fn renews(self) -> bool {
        matches!(self, Self::Renew | Self::Login)
    }

    /// Returns `true` if the operation only looks at the session.
    pub(super) fn only_reads(self) -> bool {
        matches!(self, Self::Read | Self::SlowRead)
    }

    /// Returns how many writes the operation makes, each of which is atomic by itself.
    pub(super) fn steps(self) -> usize {
        match self {
            Self::Fail => 0,
            Self::SaveThenMore => 2,
            _ => 1,
        }
    }
}

/// Returns all pairs of the operations, those of an operation with itself included. Since every order of their calls is
/// run, the order within a pair has no meaning.
pub(super) fn pairs() -> Vec<Program> {
    let all = Operation::ALL;
    (0..all.len()).flat_map(|first| (first..all.len()).map(move |second| vec![all[first], all[second]])).collect()
}

/// Returns 200 triples: the 199 in which one request logs in, destroys the session or saves in between, because those
/// decide what becomes of the others, and the one in which two add data while one empties the session.
pub(super) fn triples() -> Vec<Program> {
    let decides = |operation| matches!(operation, Operation::Login | Operation::Destroy | Operation::SaveThenMore);
    let all = Operation::ALL;
    let mut triples = Vec::new();
    for first in 0..all.len() {
        for second in first..all.len() {
            for third in second..all.len() {
                triples.push(vec![all[first], all[second], all[third]]);
            }
        }
    }
    triples.retain(|triple| triple.iter().copied().any(decides));
    triples.push(vec![Operation::Insert, Operation::Update, Operation::RemoveLast]);
    triples
}
