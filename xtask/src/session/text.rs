//! Lines as a file has them: without the carriage returns that a terminal wants.

/// Takes the carriage return before each line feed away; a line's end may come in two parts.
#[derive(Debug, Default)]
pub struct LineFeeds {
    /// A carriage return has come whose next byte has not.
    held: bool,
}

impl LineFeeds {
    /// What is to be written of the next bytes.
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
