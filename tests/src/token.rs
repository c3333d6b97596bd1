//! Random success tokens.
//!
//! A test hands a fresh token to the program it boots (as an argument or in a file) and looks
//! for it in the output: no program that failed to run, and no log of an older run, can fake it.

use std::iter;

/// Sixteen random letters and digits.
pub fn random() -> String {
    iter::repeat_with(fastrand::alphanumeric).take(16).collect()
}
