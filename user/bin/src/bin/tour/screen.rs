//! How the tour is shown. The variable `TOUR` has the words, separated by commas: `pauses` (a key goes on
//! after each part), `colours`, `first` (another machine follows) and `other` (this is that machine: only the
//! door that its CPU has instead).
//!
//! `make run` boots two machines, since a CPU has one vendor, and sets the words by its terminal.

use programs::terminal::{ECHO, ICANON, Settings};
use sys::{Env, os, print, println};

/// Variable with the words.
const VARIABLE: &str = "TOUR";
const STDIN: usize = 0;

/// What `make run` asks for.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    pauses: bool,
    colours: bool,
    /// Another machine continues the tour.
    pub is_first: bool,
    /// This is the second machine.
    pub is_other: bool,
}

impl Screen {
    /// As the variable says.
    pub fn of(env: &Env) -> Self {
        let words = env.var(VARIABLE).unwrap_or("");
        let has = |word| words.split(',').any(|other| other == word);
        Self {
            pauses: has("pauses"),
            colours: has("colours"),
            is_first: has("first"),
            is_other: has("other"),
        }
    }

    /// Prints the title of a part.
    pub fn title(&self, text: &str) {
        println!("\n{}{text}{}", self.style("1"), self.style("0"));
    }

    /// The escape sequence of a style (ECMA-48's SGR), if there are colours.
    pub fn style(&self, code: &'static str) -> Style {
        Style(self.colours.then_some(code))
    }

    /// Waits for a key, if there are pauses.
    pub fn pause(&self) {
        if !self.pauses {
            return;
        }
        let Ok(before) = Settings::of(STDIN) else {
            return;
        };
        let mut settings = before.by_byte();
        settings.local &= !(ICANON | ECHO);
        print!(
            "\n   {}-- any key goes on --{}",
            self.style("2"),
            self.style("0")
        );
        sys::print::flush();
        let _ = settings.set(STDIN);
        let _ = os::read(STDIN, &mut [0; 16]); // without a key the tour goes on too
        let _ = before.set(STDIN);
        // The line is there for the pause only.
        print!("\r{:30}\r", "");
    }
}

/// A style's escape sequence, or nothing.
#[derive(Clone, Copy, Debug)]
pub struct Style(Option<&'static str>);

impl core::fmt::Display for Style {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.map_or(Ok(()), |code| write!(f, "\x1b[{code}m"))
    }
}
