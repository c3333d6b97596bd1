//! What `make run` asks of the tour: words separated by commas, in a variable. `make run` boots two
//! machines, since a CPU has one vendor, and sets the words by its terminal.

use sys::Env;

/// The variable.
const VARIABLE: &str = "TOUR";
/// A key goes on after each part.
#[cfg(target_arch = "x86_64")]
pub const PAUSES: &str = "pauses";
/// Titles and bars have colours.
#[cfg(target_arch = "x86_64")]
pub const COLOURS: &str = "colours";
/// Another machine continues the tour.
#[cfg(target_arch = "x86_64")]
pub const FIRST: &str = "first";
/// This is the second machine: the tour shows only the door that the first CPU lacks.
pub const OTHER: &str = "other";

/// Whether the variable has `word`.
pub fn contain(env: &Env, word: &str) -> bool {
    let words = env.var(VARIABLE).unwrap_or("");
    words.split(',').any(|other| other == word)
}
