//! Terminal settings: the bits of `struct termios` that have an effect here, and its two layouts.
//!
//! The layout is the kernel's (include/uapi/asm-generic/termbits.h), the same for both widths; what
//! tcgetattr(3) shows is the C library's own, larger one.

use crate::syscall::errno::Errno;
use crate::usercopy::UserPtr;

/// Number of control characters (NCCS).
const CHARACTERS: usize = 19;
/// Bytes of `struct termios`, and of `struct termios2`, which appends two speeds.
const SIZE: usize = 4 * 4 + 1 + CHARACTERS;
const SIZE2: usize = SIZE + 8;
/// Bits per second of the console, whatever is asked for.
const SPEED: u32 = 115_200;

/// Input flags.
#[allow(missing_docs)] // Linux's names, here and below.
pub mod input {
    pub const ISTRIP: u32 = 0o40;
    pub const INLCR: u32 = 0o100;
    pub const IGNCR: u32 = 0o200;
    pub const ICRNL: u32 = 0o400;
    pub const IXON: u32 = 0o2000;
}

/// Output flags.
#[allow(missing_docs)]
pub mod output {
    pub const OPOST: u32 = 1;
    pub const ONLCR: u32 = 4;
    pub const OCRNL: u32 = 0o10;
}

/// Local flags.
#[allow(missing_docs)]
pub mod local {
    pub const ISIG: u32 = 1;
    pub const ICANON: u32 = 2;
    pub const ECHO: u32 = 0o10;
    pub const ECHOE: u32 = 0o20;
    pub const ECHOK: u32 = 0o40;
    pub const ECHONL: u32 = 0o100;
    pub const ECHOCTL: u32 = 0o1000;
    pub const ECHOKE: u32 = 0o4000;
    pub const IEXTEN: u32 = 0o100_000;
}

/// Indices of the control characters.
#[allow(missing_docs)]
pub mod character {
    pub const VINTR: usize = 0;
    pub const VQUIT: usize = 1;
    pub const VERASE: usize = 2;
    pub const VKILL: usize = 3;
    pub const VEOF: usize = 4;
    pub const VTIME: usize = 5;
    pub const VMIN: usize = 6;
    pub const VSUSP: usize = 10;
    pub const VEOL: usize = 11;
    pub const VREPRINT: usize = 12;
    pub const VWERASE: usize = 14;
    pub const VLNEXT: usize = 15;
    pub const VEOL2: usize = 16;
}

/// A terminal's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Termios {
    /// [`input`] flags.
    pub input: u32,
    /// [`output`] flags.
    pub output: u32,
    /// Line control: kept, without effect on the emulated port.
    pub control: u32,
    /// [`local`] flags.
    pub local: u32,
    line: u8,
    /// Control characters by [`character`]; 0 is none.
    pub characters: [u8; CHARACTERS],
}

impl Termios {
    /// What a fresh terminal has (`tty_std_termios`, with a serial console's line control).
    pub const fn standard() -> Self {
        // B115200 | CS8 | CREAD | HUPCL | CLOCAL
        const CONTROL: u32 = 0o10002 | 0o60 | 0o200 | 0o2000 | 0o4000;
        use local::*;
        Self {
            input: input::ICRNL | input::IXON,
            output: output::OPOST | output::ONLCR,
            control: CONTROL,
            local: ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
            line: 0,
            // ^C ^\ DEL ^U ^D 0 1 0 ^Q ^S ^Z 0 ^R ^O ^W ^V 0
            characters: [
                3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0,
            ],
        }
    }

    /// Whether a local flag is set.
    pub const fn has(&self, flag: u32) -> bool {
        self.local & flag != 0
    }

    /// Whether `byte` is the control character at `index`.
    pub fn is(&self, byte: u8, index: usize) -> bool {
        byte != 0 && self.characters[index] == byte
    }

    /// Writes the settings to a program; `with_speeds`: as `struct termios2`.
    ///
    /// # Errors
    /// `EFAULT`.
    pub fn write_to(&self, address: u64, with_speeds: bool) -> Result<(), Errno> {
        let mut bytes = [0; SIZE2];
        let words = [self.input, self.output, self.control, self.local];
        for (chunk, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
            *chunk = word.to_ne_bytes();
        }
        bytes[16] = self.line;
        bytes[17..SIZE].copy_from_slice(&self.characters);
        bytes[SIZE..SIZE + 4].copy_from_slice(&SPEED.to_ne_bytes());
        bytes[SIZE + 4..].copy_from_slice(&SPEED.to_ne_bytes());
        let size = if with_speeds { SIZE2 } else { SIZE };
        UserPtr::<u8>::new(address).write_slice(&bytes[..size])
    }

    /// Reads settings from a program; the speeds of `struct termios2` have no effect.
    ///
    /// # Errors
    /// `EFAULT`.
    pub fn read_from(address: u64) -> Result<Self, Errno> {
        let mut bytes = [0; SIZE];
        UserPtr::<u8>::new(address).read_into(&mut bytes)?;
        let word = |index: usize| {
            let mut word = [0; 4];
            word.copy_from_slice(&bytes[index * 4..index * 4 + 4]);
            u32::from_ne_bytes(word)
        };
        let mut characters = [0; CHARACTERS];
        characters.copy_from_slice(&bytes[17..]);
        Ok(Self {
            input: word(0),
            output: word(1),
            control: word(2),
            local: word(3),
            line: bytes[16],
            characters,
        })
    }
}
