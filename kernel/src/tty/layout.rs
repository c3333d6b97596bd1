//! Layout of terminal settings in user memory: `struct termio`, `struct termios`, `struct
//! termios2`.
//!
//! The layouts are the kernel's (include/uapi/asm-generic/termbits.h and termios.h), the same for
//! both widths; tcgetattr(3) returns the C library's own, larger one.

use linux_raw_sys::general::{BOTHER, CBAUD, CBAUDEX, CIBAUD};

use super::termios::{CHARACTERS, Input, Local, Output, Termios};
use crate::abi::errno::Errno;
use crate::usercopy::UserPtr;

/// Bytes of `struct termios`, and of `struct termios2`, which appends two speeds.
const SIZE: usize = 4 * 4 + 1 + CHARACTERS;
const SIZE2: usize = SIZE + 8;
/// Control characters in `struct termio` (NCC), and its bytes, including one of padding.
const OLD_CHARACTERS: usize = 8;
const OLD_SIZE: usize = 4 * 2 + 1 + OLD_CHARACTERS + 1;
/// Shift of the input speed in `c_cflag` (IBSHIFT).
const INPUT_SPEED_SHIFT: u32 = 16;

/// Bits per second by their code in `c_cflag`: B0 to B38400, then B57600 to B4000000 with CBAUDEX
/// set, of which code 0 is BOTHER.
const SPEEDS: [u32; 31] = [
    0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19_200, 38_400, 57_600,
    115_200, 230_400, 460_800, 500_000, 576_000, 921_600, 1_000_000, 1_152_000, 1_500_000,
    2_000_000, 2_500_000, 3_000_000, 3_500_000, 4_000_000,
];

/// The speed of a code, or `other` for BOTHER.
fn speed(code: u32, other: u32) -> u32 {
    if code == BOTHER {
        return other;
    }
    let index = if code & CBAUDEX == 0 {
        code
    } else {
        (code & !CBAUDEX) + 15
    };
    SPEEDS.get(index as usize).copied().unwrap_or(9600)
}

/// The structure that a request passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `struct termio` of System V: 16-bit flags, eight characters.
    Old,
    /// `struct termios`.
    Plain,
    /// `struct termios2`, with speeds.
    WithSpeeds,
}

impl Layout {
    const fn size(self) -> usize {
        match self {
            Self::Old => OLD_SIZE,
            Self::Plain => SIZE,
            Self::WithSpeeds => SIZE2,
        }
    }

    /// Writes `termios` to user memory.
    ///
    /// # Errors
    /// `EFAULT`.
    pub fn write(self, termios: &Termios, address: u64) -> Result<(), Errno> {
        let mut bytes = [0; SIZE2];
        let words = [
            termios.input.bits(),
            termios.output.bits(),
            termios.control,
            termios.local.bits(),
        ];
        if self == Self::Old {
            for (chunk, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
                *chunk = (word as u16).to_ne_bytes();
            }
            bytes[8] = termios.discipline;
            bytes[9..9 + OLD_CHARACTERS].copy_from_slice(&termios.characters[..OLD_CHARACTERS]);
        } else {
            for (chunk, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
                *chunk = word.to_ne_bytes();
            }
            bytes[16] = termios.discipline;
            bytes[17..SIZE].copy_from_slice(&termios.characters);
            bytes[SIZE..SIZE + 4].copy_from_slice(&termios.speeds[0].to_ne_bytes());
            bytes[SIZE + 4..].copy_from_slice(&termios.speeds[1].to_ne_bytes());
        }
        UserPtr::<u8>::new(address).write_slice(&bytes[..self.size()])
    }

    /// Reads settings from user memory; values missing in the structure are those of `now`.
    ///
    /// # Errors
    /// `EFAULT`.
    pub fn read(self, now: &Termios, address: u64) -> Result<Termios, Errno> {
        let mut bytes = [0; SIZE2];
        UserPtr::<u8>::new(address).read_into(&mut bytes[..self.size()])?;
        let mut new = *now;
        if self == Self::Old {
            // The upper halves of the flags are unchanged.
            let (words, _) = bytes.as_chunks();
            let word = |index: usize, old: u32| {
                old & 0xffff_0000 | u32::from(u16::from_ne_bytes(words[index]))
            };
            new.input = Input::from_bits_retain(word(0, now.input.bits()));
            new.output = Output::from_bits_retain(word(1, now.output.bits()));
            new.control = word(2, now.control);
            new.local = Local::from_bits_retain(word(3, now.local.bits()));
            new.discipline = bytes[8];
            new.characters[..OLD_CHARACTERS].copy_from_slice(&bytes[9..9 + OLD_CHARACTERS]);
        } else {
            let (words, _) = bytes.as_chunks();
            let word = |index: usize| u32::from_ne_bytes(words[index]);
            new.input = Input::from_bits_retain(word(0));
            new.output = Output::from_bits_retain(word(1));
            new.control = word(2);
            new.local = Local::from_bits_retain(word(3));
            new.discipline = bytes[16];
            new.characters.copy_from_slice(&bytes[17..SIZE]);
            if self == Self::WithSpeeds {
                new.speeds = [word(9), word(10)];
            }
        }
        let output = speed(new.control & CBAUD, new.speeds[1]);
        // An input speed of B0 means the output speed.
        let input = match (new.control & CIBAUD) >> INPUT_SPEED_SHIFT {
            0 => output,
            code => speed(code, new.speeds[0]),
        };
        new.speeds = [input, output];
        Ok(new)
    }
}
