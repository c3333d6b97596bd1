//! Text as HTML.

/// Text in which no letter has a meaning in HTML, also inside of an attribute.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// The number of the line (from 1) of a place in a text.
pub fn line_of(text: &str, place: usize) -> usize {
    text.as_bytes()[..place.min(text.len())]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}
