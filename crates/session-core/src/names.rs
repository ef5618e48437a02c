//! The names of an enum's variants, for files, environments and command lines.

use std::fmt;

/// A text that names none of the values that a setting can have.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} {given:?}, must be one of: {}", known.join(", "))]
pub struct UnknownName {
    pub(crate) what: &'static str,
    pub(crate) given: String,
    pub(crate) known: &'static [&'static str],
}

impl UnknownName {
    /// Returns the text that was given.
    #[must_use]
    pub fn given(&self) -> &str {
        &self.given
    }

    /// Returns the names that are known.
    #[must_use]
    pub fn known(&self) -> &'static [&'static str] {
        self.known
    }
}

/// Prints the sentence, because `fn main() -> Result<(), UnknownName>` prints `Debug`.
impl fmt::Debug for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Gives each variant of an enum its name: `name`, `Display`, and `FromStr` in any case.
macro_rules! names {
    ($choice:ident, $what:literal, $($variant:ident = $name:literal),+ $(,)?) => {
        impl $choice {
            /// Returns the name it is parsed from.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }

        impl std::fmt::Display for $choice {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        /// Accepts the names in upper and lower case.
        impl std::str::FromStr for $choice {
            type Err = $crate::names::UnknownName;

            fn from_str(name: &str) -> Result<Self, $crate::names::UnknownName> {
                let known = [$(Self::$variant),+].into_iter().find(|choice| choice.name().eq_ignore_ascii_case(name));
                known.ok_or_else(|| $crate::names::UnknownName { what: $what, given: name.to_owned(), known: &[$($name),+] })
            }
        }
    };
}

pub(crate) use names;
