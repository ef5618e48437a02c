//! The data of the explored sessions: few keys with small numbers, cheap to copy and to compare.

use std::fmt;

use session_core::SessionMap;

/// The keys that requests use, by their place in [`Data`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// Tells whose session it is. A new session has none until its owner moves in by a renewal.
    Owner,
    /// A number that requests increment.
    Number,
    /// A value that is taken once.
    Token,
    /// Every insert sets it to the number of its request.
    Last,
    /// A login sets it to the number of its request.
    User,
    /// A user has signed in. The library's own record tells so.
    SignedIn,
    /// An insert of the request with this number sets it.
    Own(usize),
}

const NAMES: [&str; Data::KEYS] = ["owner", "n", "token", "last", "user", SIGNED_IN, "own0", "own1", "own2"];

/// Stands for the user in the library's record of a session.
const SIGNED_IN: &str = "signed in";

/// The owner of the session that the requests share.
pub(super) const ANN: i8 = 1;

/// The owner of a session that no request has a cookie of.
pub(super) const BOB: i8 = 2;

/// The data of one session. A key without a value is absent.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Data([Option<i8>; Data::KEYS]);

impl Key {
    /// The keys of the session that the requests share, before the first request.
    pub(super) const INITIAL: [Self; 3] = [Self::Owner, Self::Number, Self::Token];

    pub(super) fn name(self) -> &'static str {
        NAMES[self.place()]
    }

    fn place(self) -> usize {
        match self {
            Self::Owner => 0,
            Self::Number => 1,
            Self::Token => 2,
            Self::Last => 3,
            Self::User => 4,
            Self::SignedIn => 5,
            Self::Own(request) => 6 + request,
        }
    }
}

impl Data {
    const KEYS: usize = 9;

    /// The session that the requests share, before the first request.
    pub(super) fn initial() -> Self {
        Self::default().with(Key::Owner, ANN).with(Key::Number, 5).with(Key::Token, 7)
    }

    /// The session of another visitor.
    pub(super) fn of_another() -> Self {
        Self::default().with(Key::Owner, BOB).with(Key::Number, 50)
    }

    pub(super) fn get(self, key: Key) -> Option<i8> {
        self.0[key.place()]
    }

    pub(super) fn with(mut self, key: Key, value: i8) -> Self {
        self.0[key.place()] = Some(value);
        self
    }

    pub(super) fn without(mut self, key: Key) -> Self {
        self.0[key.place()] = None;
        self
    }

    pub(super) fn incremented(self) -> Self {
        self.with(Key::Number, self.get(Key::Number).unwrap_or(0) + 1)
    }

    pub(super) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Returns the data with the user who has signed in, if one has.
    pub(super) fn signed_in(self, is_signed_in: bool) -> Self {
        if is_signed_in { self.with(Key::SignedIn, ANN) } else { self }
    }

    /// Reads a session of the store. Of the library's own record, the user counts.
    pub(super) fn of(session: &SessionMap) -> Self {
        let mut data = Self::default();
        for (name, value) in session.iter() {
            if name.starts_with("__") {
                data = data.signed_in(value.contains("\"user\""));
                continue;
            }
            let place = NAMES.iter().position(|known| *known == name).expect("no request sets another key");
            data.0[place] = Some(value.parse().expect("all values are small numbers"));
        }
        data
    }

    /// Returns a session of the store, without the library's record.
    pub(super) fn to_map(self) -> SessionMap {
        let mut map = SessionMap::new();
        for (name, value) in NAMES.iter().zip(self.without(Key::SignedIn).0) {
            if let Some(value) = value {
                map.insert(name, value).expect("a number is JSON");
            }
        }
        map
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let present = NAMES.iter().zip(self.0).filter_map(|(name, value)| Some((name, value?)));
        f.debug_map().entries(present).finish()
    }
}
