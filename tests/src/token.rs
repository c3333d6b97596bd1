//! Random success tokens.
//!
//! A test passes a fresh token to the program it boots (as an argument or in a file) and looks
//! for it in the output: neither a program that failed to run nor the log of an older run has it.

use std::iter;

/// Sixteen random letters and digits.
pub fn random() -> String {
    iter::repeat_with(fastrand::alphanumeric).take(16).collect()
}
