//! Text that is usually short.

use std::ops::Deref;

use arrayvec::ArrayString;

/// A text that needs no allocation up to a length of `N` bytes.
#[derive(Clone)]
pub(crate) enum ShortStr<const N: usize> {
    Short(ArrayString<N>),
    Long(Box<str>),
}

impl<const N: usize> ShortStr<N> {
    pub(crate) fn concat(parts: [&str; 2]) -> Self {
        let mut text = ArrayString::new();
        match parts.iter().try_for_each(|part| text.try_push_str(part)) {
            Ok(()) => Self::Short(text),
            Err(_) => Self::Long(parts.concat().into()),
        }
    }
}

impl<const N: usize> From<&str> for ShortStr<N> {
    fn from(text: &str) -> Self {
        ArrayString::from(text).map_or_else(|_| Self::Long(text.into()), Self::Short)
    }
}

impl<const N: usize> Deref for ShortStr<N> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Short(text) => text,
            Self::Long(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_length_are_kept() {
        for text in ["", "a", "four", "fives", "longer than that"] {
            assert_eq!(&*ShortStr::<4>::from(text), text);
            for at in 0..=text.len() {
                assert_eq!(&*ShortStr::<4>::concat(text.split_at(at).into()), text);
            }
        }
    }
}
