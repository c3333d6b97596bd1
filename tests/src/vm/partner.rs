//! The other end of the serial line, where neither a list of texts nor the terminal is it.

use std::process::ChildStdin;

/// Hears each byte that comes over the serial line, and may type.
pub trait Partner: Send {
    /// The machine has started; `line` takes what is typed. Its end would be a hang-up.
    fn begin(&mut self, line: ChildStdin);

    /// More has come.
    fn hear(&mut self, bytes: &[u8]);
}
