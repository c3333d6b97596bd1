//! A program at the other end of the serial line, in place of a dialogue or the terminal.

use std::process::ChildStdin;

/// Receives each byte of the serial line's output, and may type.
pub trait Partner: Send {
    /// The machine has started; `line` is the serial line's input. Closing it is a hang-up.
    fn begin(&mut self, line: ChildStdin);

    /// Handles more output.
    fn hear(&mut self, bytes: &[u8]);
}
