//! Buffer of a line that is being built.

use alloc::string::String;
use core::fmt::{self, Write};

/// Text on the heap. Additions that find no memory are dropped: an incomplete line is better than a
/// panic.
#[derive(Debug, Default)]
pub struct Text(String);

impl Text {
    /// An empty text.
    pub const fn new() -> Self {
        Self(String::new())
    }

    /// The text so far.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Adds a string.
    pub fn add(&mut self, text: &str) {
        if self.0.try_reserve(text.len()).is_ok() {
            self.0.push_str(text);
        }
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.add(text);
        Ok(())
    }
}
