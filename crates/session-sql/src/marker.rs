//! The stored form of a marker.

use session_core::Marker;

const DESTROYED: &str = "destroyed";
const RENEWED: &str = "renewed ";

pub(crate) fn write(marker: &Marker) -> String {
    match marker {
        Marker::Destroyed => DESTROYED.to_owned(),
        Marker::Renewed { successor } => renewed(successor),
    }
}

/// Returns the stored form of the marker of a session that moved to a new key.
pub(crate) fn renewed(successor: &str) -> String {
    [RENEWED, successor].concat()
}

/// Reads a marker; `None` if the text is not one.
pub(crate) fn read(text: &str) -> Option<Marker> {
    match text.strip_prefix(RENEWED) {
        Some(successor) => Some(Marker::Renewed { successor: successor.into() }),
        None => (text == DESTROYED).then_some(Marker::Destroyed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_read_as_they_were_written() {
        for marker in [Marker::Destroyed, Marker::Renewed { successor: "session:b c".into() }] {
            assert_eq!(read(&write(&marker)), Some(marker));
        }
        for other in ["", "gone", "destroyed ", "schema 1"] {
            assert_eq!(read(other), None);
        }
    }
}
