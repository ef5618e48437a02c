//! The requests that are run together.

/// The use that one request makes of the session. `api::Handler` carries it out; `serial::step` tells its meaning.
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
    /// Increments, saves, and increments again. A save that fails because of the store is left to the commit. Its
    /// cookie is due for a refresh.
    SaveThenMore,
    /// Increments, and answers 500.
    Fail,
    /// Reads all data. Its cookie is due for a refresh.
    SlowRead,
    /// Increments, saves, and changes nothing more. Its cookie is due for a refresh.
    SaveThenWait,
    /// Destroys the session and inserts a user into the new one.
    Replace,
    /// Increments, and fetches the session again.
    Reload,
    /// Reads all data, and extends the session's life.
    Touch,
    /// Inserts a user, as a login does, and signs the owner in.
    SignIn,
    /// Increments, begins a save and gives it up, increments again, and commits. The store may apply the write that was
    /// begun at any later time, or never.
    GiveUp,
    /// Logs in as `Login` does, saves, and answers 500. A save that fails because of the store is left to the commit.
    LoginThenFail,
    /// Revokes all sessions of the owner, outside of any session. In a program with it, the session begins signed in.
    Revoke,
}

/// The operations of two or three requests that begin with the cookie of one session.
pub(super) type Program = Vec<Operation>;

impl Operation {
    pub(super) const ALL: [Self; 14] = [
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
        Self::SaveThenWait,
        Self::Replace,
    ];

    /// Returns `true` if the request comes with an old cookie of the session.
    pub(super) fn refresh_is_due(self) -> bool {
        matches!(self, Self::SlowRead | Self::SaveThenMore | Self::SaveThenWait)
    }

    /// Returns `true` if the operation moves the session to a new id.
    pub(super) fn renews(self) -> bool {
        matches!(self, Self::Renew | Self::Login | Self::LoginThenFail | Self::SignIn)
    }

    /// Returns `true` if the session, or another one in its place, goes on under a new id.
    pub(super) fn leaves_successor(self) -> bool {
        self.renews() || self == Self::Replace
    }

    /// Returns `true` if the operation only looks at the session.
    pub(super) fn only_reads(self) -> bool {
        matches!(self, Self::Read | Self::SlowRead | Self::Touch)
    }

    /// Returns the number of writes that the operation makes. Each of them is atomic by itself.
    pub(super) fn steps(self) -> usize {
        match self {
            Self::Fail => 0,
            Self::SaveThenMore | Self::GiveUp | Self::Replace => 2,
            // The session that the requests share, and those that they begin or move to, end one after the other.
            Self::Revoke => 4,
            _ => 1,
        }
    }
}

/// Returns `true` if the session of these requests begins with a user.
pub(super) fn begins_signed_in(program: &[Operation]) -> bool {
    program.contains(&Operation::Revoke)
}

/// Returns all pairs of the operations, those of an operation with itself included, and some with operations that were
/// added later. Since every order of their calls is run, the order within a pair has no meaning.
pub(super) fn pairs(has_index: bool) -> Vec<Program> {
    use Operation::{Clear, Destroy, GiveUp, Insert, Login, LoginThenFail, Read, Reload, Renew, Touch};
    let all = Operation::ALL;
    let in_use = [Reload, Touch]
        .into_iter()
        .flat_map(|first| [Read, Insert, Clear, Renew, Login, Destroy, Reload].map(|second| vec![first, second]));
    let with_saves = all.into_iter().map(|other| vec![LoginThenFail, other]);
    // A plain store promises not to apply a call after it was given up.
    let given_up = all.into_iter().chain([GiveUp]).filter(move |_| has_index).map(|other| vec![GiveUp, other]);
    let pairs = |first| (first..all.len()).map(move |second| vec![all[first], all[second]]);
    (0..all.len())
        .flat_map(pairs)
        .chain(in_use)
        .chain(with_saves)
        .chain(given_up)
        .chain(pairs_of_users(has_index))
        .collect()
}

/// Returns the pairs of requests that come to a session of another format. They are fewer, because taking it over takes
/// more calls. If the two come with `different` cookies, the order within a pair has a meaning.
pub(super) fn foreign_pairs(different: bool) -> Vec<Program> {
    use Operation::{Destroy, Fail, Login, Read, RemoveLast, Replace, Take, Update};
    let all = [Read, Update, RemoveLast, Take, Login, Destroy, Fail, Replace];
    let pairs = all.into_iter().enumerate().flat_map(|(place, first)| {
        all.into_iter().skip(if different { 0 } else { place }).map(move |second| vec![first, second])
    });
    pairs.collect()
}

/// Returns the pairs with a sign-in, and those with a revocation on a store with an index of users.
///
/// A revocation and `Replace` are no pair. The new session of `Replace` has no user, but a revocation that has listed
/// the old session follows it to the new one, as a logout does. No order of the two requests explains that.
fn pairs_of_users(has_index: bool) -> Vec<Program> {
    let others = Operation::ALL.into_iter().chain([Operation::Reload, Operation::Touch, Operation::SignIn]);
    let with_revocation = others.clone().chain([Operation::Revoke]).filter(|other| *other != Operation::Replace);
    let mut pairs: Vec<_> = others.map(|other| vec![Operation::SignIn, other]).collect();
    if has_index {
        pairs.extend(with_revocation.map(|other| vec![Operation::Revoke, other]));
    }
    pairs
}

/// Returns all triples of the first twelve operations. The other two differ from these in one step only. On a store with
/// an index of users, also returns a revocation with a sign-in and a third request.
///
/// The third request is not `Clear`, which removes the user: a revocation that has listed the session before ends it,
/// with all that another request has inserted since.
pub(super) fn triples(has_index: bool) -> Vec<Program> {
    use Operation::{Destroy, Insert, Login, Read, Renew, Revoke, SignIn, Take, Update};
    let all = &Operation::ALL[..12];
    let mut triples = Vec::new();
    for first in 0..all.len() {
        for second in first..all.len() {
            triples.extend((second..all.len()).map(|third| vec![all[first], all[second], all[third]]));
        }
    }
    if has_index {
        let third = [Read, Insert, Update, Take, Renew, Login, Destroy, SignIn, Revoke];
        triples.extend(third.map(|third| vec![Revoke, SignIn, third]));
    }
    triples
}
