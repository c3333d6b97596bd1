//! Terminal settings: the flags and control characters of `struct termios`.
//!
//! `layout.rs` has their layout in user memory, `line/` their effects. Flags without an effect
//! (parity, breaks, delays, modem control, `EXTPROC`) are stored and reported as on Linux.

use bitflags::bitflags;
use linux_raw_sys::general as linux;

/// Number of control characters (NCCS of the kernel's structures).
pub const CHARACTERS: usize = 19;

bitflags! {
    /// Input flags (termios(3)'s `c_iflag`).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Input: u32 {
        /// Byte 255 is doubled.
        const PARMRK = linux::PARMRK;
        /// The eighth bit is cleared.
        const ISTRIP = linux::ISTRIP;
        /// NL becomes CR.
        const INLCR = linux::INLCR;
        /// CR is dropped.
        const IGNCR = linux::IGNCR;
        /// CR becomes NL.
        const ICRNL = linux::ICRNL;
        /// Upper case becomes lower case.
        const IUCLC = linux::IUCLC;
        /// VSTOP and VSTART stop and restart output.
        const IXON = linux::IXON;
        /// Any byte restarts output.
        const IXANY = linux::IXANY;
        /// Characters are UTF-8: all bytes of one are erased together.
        const IUTF8 = linux::IUTF8;
        /// Flags without effect.
        const _ = !0;
    }

    /// Output flags (`c_oflag`).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Output: u32 {
        /// Output processing is on.
        const OPOST = linux::OPOST;
        /// Lower case becomes upper case.
        const OLCUC = linux::OLCUC;
        /// NL becomes CR NL.
        const ONLCR = linux::ONLCR;
        /// CR becomes NL.
        const OCRNL = linux::OCRNL;
        /// No CR in the first column.
        const ONOCR = linux::ONOCR;
        /// NL returns to the first column.
        const ONLRET = linux::ONLRET;
        /// All bits set: tabs become spaces.
        const XTABS = linux::XTABS;
        /// Flags without effect.
        const _ = !0;
    }

    /// Local flags (`c_lflag`).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Local: u32 {
        /// VINTR, VQUIT and VSUSP send signals.
        const ISIG = linux::ISIG;
        /// Canonical mode: lines are edited and read whole.
        const ICANON = linux::ICANON;
        /// Input is echoed.
        const ECHO = linux::ECHO;
        /// VERASE and VWERASE erase on the screen.
        const ECHOE = linux::ECHOE;
        /// A new line is echoed after VKILL.
        const ECHOK = linux::ECHOK;
        /// NL is echoed even without ECHO.
        const ECHONL = linux::ECHONL;
        /// Signals don't flush input and output.
        const NOFLSH = linux::NOFLSH;
        /// A write from the background sends SIGTTOU.
        const TOSTOP = linux::TOSTOP;
        /// Control characters are echoed as ^X.
        const ECHOCTL = linux::ECHOCTL;
        /// Erased characters are echoed between \ and /.
        const ECHOPRT = linux::ECHOPRT;
        /// VKILL erases the line on the screen.
        const ECHOKE = linux::ECHOKE;
        /// VEOL2, VLNEXT, VREPRINT and VWERASE are enabled.
        const IEXTEN = linux::IEXTEN;
        /// Flags without effect.
        const _ = !0;
    }
}

/// Indices of the control characters in `c_cc`.
#[allow(missing_docs)] // Linux's names.
pub mod character {
    pub const VINTR: usize = 0;
    pub const VQUIT: usize = 1;
    pub const VERASE: usize = 2;
    pub const VKILL: usize = 3;
    pub const VEOF: usize = 4;
    pub const VTIME: usize = 5;
    pub const VMIN: usize = 6;
    pub const VSTART: usize = 8;
    pub const VSTOP: usize = 9;
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
    /// Input flags.
    pub input: Input,
    /// Output flags.
    pub output: Output,
    /// Control flags, including speeds: without effect on an emulated port.
    pub control: u32,
    /// Local flags.
    pub local: Local,
    /// Line discipline; 0, N_TTY, is the only one.
    pub discipline: u8,
    /// Control characters by [`character`]; 0 disables one.
    pub characters: [u8; CHARACTERS],
    /// Input and output speed in bits per second, from `control` or, with BOTHER, set here.
    pub speeds: [u32; 2],
}

impl Termios {
    /// No flag and no character set.
    pub const NONE: Self = Self {
        input: Input::empty(),
        output: Output::empty(),
        control: 0,
        local: Local::empty(),
        discipline: 0,
        characters: [0; CHARACTERS],
        speeds: [0; 2],
    };

    /// Restores from `old` what is set in `locks`.
    pub fn restore_locked(&mut self, locks: &Self, old: &Self) {
        self.input = (self.input - locks.input) | (old.input & locks.input);
        self.output = (self.output - locks.output) | (old.output & locks.output);
        self.control = (self.control & !locks.control) | (old.control & locks.control);
        self.local = (self.local - locks.local) | (old.local & locks.local);
        if locks.discipline != 0 {
            self.discipline = old.discipline;
        }
        let characters = locks.characters.iter().zip(old.characters);
        for (now, (lock, old)) in self.characters.iter_mut().zip(characters) {
            if *lock != 0 {
                *now = old;
            }
        }
    }

    const fn standard(control: u32, speed: u32) -> Self {
        use {Input as I, Local as L, Output as O};
        Self {
            input: I::ICRNL.union(I::IXON),
            output: O::OPOST.union(O::ONLCR),
            control,
            local: L::ISIG
                .union(L::ICANON)
                .union(L::ECHO)
                .union(L::ECHOE)
                .union(L::ECHOK)
                .union(L::ECHOCTL)
                .union(L::ECHOKE)
                .union(L::IEXTEN),
            discipline: 0,
            // ^C ^\ DEL ^U ^D 0 1 0 ^Q ^S ^Z 0 ^R ^O ^W ^V 0
            characters: [
                3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0,
            ],
            speeds: [speed; 2],
        }
    }

    /// Initial settings of a serial console (`tty_std_termios`, uart_set_options).
    pub const fn serial() -> Self {
        use linux::{B115200, CLOCAL, CREAD, CS8, HUPCL};
        Self::standard(B115200 | CS8 | CREAD | HUPCL | CLOCAL, 115_200)
    }

    /// Initial settings of a pseudo-terminal (`unix98_pty_init` in drivers/tty/pty.c).
    pub const fn pseudo() -> Self {
        use linux::{B38400, CREAD, CS8};
        Self::standard(B38400 | CS8 | CREAD, 38_400)
    }

    /// Whether a local flag is set.
    pub const fn has(&self, flag: Local) -> bool {
        self.local.contains(flag)
    }

    /// Whether `byte` is the control character at `index`.
    pub fn is(&self, byte: u8, index: usize) -> bool {
        byte != 0 && self.characters[index] == byte
    }
}
