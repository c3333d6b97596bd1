//! How the tour is shown on a terminal: titles, pauses, colours.

use programs::terminal::{ECHO, ICANON, Settings};
use sys::{Env, os, print, println};

use crate::words::{self, COLOURS, FIRST, OTHER, PAUSES};

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
        let has = |word| words::contain(env, word);
        Self {
            pauses: has(PAUSES),
            colours: has(COLOURS),
            is_first: has(FIRST),
            is_other: has(OTHER),
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
