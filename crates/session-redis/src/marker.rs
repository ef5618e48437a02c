//! The stored form of a marker.

use session_core::Marker;

const DESTROYED: &str = "destroyed";
const RENEWED: &str = "renewed ";

pub(crate) fn write(marker: &Marker) -> String {
    match marker {
        Marker::Destroyed => DESTROYED.to_owned(),
        Marker::Renewed { successor } => [RENEWED, successor].concat(),
    }
}

/// Reads a marker; `None` if the text is not one.
pub(crate) fn read(text: &[u8]) -> Option<Marker> {
    let text = std::str::from_utf8(text).ok()?;
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
            assert_eq!(read(write(&marker).as_bytes()), Some(marker));
        }
        for other in [&b""[..], b"gone", b"destroyed ", b"\xff"] {
            assert_eq!(read(other), None);
        }
    }
}
