//! Terminal output converted to a file's line ends: without carriage returns.

/// Removes the carriage return before each line feed; the pair may be split between two pieces.
#[derive(Debug, Default)]
pub struct LineFeeds {
    /// The last byte was a carriage return, and the next has not come yet.
    held: bool,
}

impl LineFeeds {
    /// The converted bytes.
    pub fn without_returns(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + 1);
        for &byte in bytes {
            if self.held && byte != b'\n' {
                out.push(b'\r');
            }
            self.held = byte == b'\r';
            if !self.held {
                out.push(byte);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::LineFeeds;

    #[test]
    fn only_returns_before_line_feeds_go() {
        let mut text = LineFeeds::default();
        assert_eq!(text.without_returns(b"a\r\nb\rc\r"), b"a\nb\rc");
        assert_eq!(text.without_returns(b"\n\r\r\n"), b"\n\r\n");
    }
}
