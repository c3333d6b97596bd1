//! A terminal's settings.

use core::ptr;

use sys::numbers as nr;
use sys::os::native;
use sys::{Errno, SysResult};

/// Local mode: erase and line editing.
pub const ICANON: u32 = 0o2;
/// Local mode: typed characters are shown.
pub const ECHO: u32 = 0o10;

const TCGETS: usize = 0x5401;
const TCSETS: usize = 0x5402;
const VTIME: usize = 5;
const VMIN: usize = 6;

/// The kernel's `struct termios`, the same in both widths.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Input modes.
    pub input: u32,
    /// Output modes.
    pub output: u32,
    control: u32,
    /// Local modes.
    pub local: u32,
    line: u8,
    characters: [u8; 19],
}

impl Settings {
    /// Those of the terminal that is open as `file`.
    pub fn of(file: usize) -> Result<Self, Errno> {
        let mut settings = Self::default();
        let address = ptr::from_mut(&mut settings) as usize;
        // SAFETY: the kernel writes one termios.
        unsafe { native(nr::IOCTL, [file, TCGETS, address, 0, 0, 0]) }?;
        Ok(settings)
    }

    /// Makes a read return as soon as there is a byte, where line editing is off.
    pub fn by_byte(mut self) -> Self {
        (self.characters[VTIME], self.characters[VMIN]) = (0, 1);
        self
    }

    /// Sets them.
    pub fn set(&self, file: usize) -> SysResult {
        let address = ptr::from_ref(self) as usize;
        // SAFETY: the kernel reads one termios.
        unsafe { native(nr::IOCTL, [file, TCSETS, address, 0, 0, 0]) }
    }
}
