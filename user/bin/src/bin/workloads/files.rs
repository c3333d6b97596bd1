//! Files: open, read, stat, and directory listings.

use core::ffi::CStr;
use core::ptr;

use programs::measure::{Cost, long_cost};
use sys::numbers;
use sys::os;

use crate::calls::{self, must, row};

const BATCHES: usize = 15;

/// All rows.
pub fn measure() {
    let file = calls::open(c"/file", os::O_RDWR | os::O_CREAT);
    let text = [b'x'; 100];
    must(
        numbers::WRITE,
        [file, text.as_ptr() as usize, text.len(), 0, 0, 0],
    );
    calls::close(file);
    row("open_read_close", open_read_close());
    row("stat", stat(c"/file"));
    let directory = Directory::new(c"/thousand");
    directory.fill(0, 1000);
    row("getdents_1000", directory.list());
}

/// open(2), read(2) of 100 bytes, and close(2).
fn open_read_close() -> Cost {
    let mut buffer = [0_u8; 128];
    let at = ptr::from_mut(&mut buffer) as usize;
    long_cost(BATCHES, 100, || {
        let file = calls::open(c"/file", os::O_RDONLY);
        must(numbers::READ, [file, at, 128, 0, 0, 0]);
        calls::close(file);
    })
}

/// stat(2) of `path`.
pub fn stat(path: &CStr) -> Cost {
    let mut buffer = [0_u64; 18];
    let at = ptr::from_mut(&mut buffer) as usize;
    let args = [path.as_ptr() as usize, at, 0, 0, 0, 0];
    long_cost(BATCHES, 100, || {
        must(numbers::STAT, args);
    })
}

/// A directory with many files.
pub struct Directory {
    path: [u8; 32],
    length: usize,
}

/// Size of the buffer for getdents64(2), as in C libraries.
const BUFFER: usize = 32 * 1024;

impl Directory {
    /// Makes the directory. Its path must be short.
    pub fn new(path: &CStr) -> Self {
        must(numbers::MKDIR, [path.as_ptr() as usize, 0o755, 0, 0, 0, 0]);
        let bytes = path.to_bytes();
        let mut copy = [0; 32];
        copy[..bytes.len()].copy_from_slice(bytes);
        Self {
            path: copy,
            length: bytes.len(),
        }
    }

    /// Calls `f` with the path of file number `index`.
    pub fn with_name<T>(&self, index: usize, f: impl FnOnce(&CStr) -> T) -> T {
        let mut path = self.path;
        path[self.length] = b'/';
        let mut rest = index;
        for at in (self.length + 1..self.length + 7).rev() {
            path[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        f(CStr::from_bytes_until_nul(&path).unwrap_or_default())
    }

    /// Makes files number `from` to `to`.
    pub fn fill(&self, from: usize, to: usize) {
        for index in from..to {
            self.with_name(index, |path| {
                calls::close(calls::open(path, os::O_WRONLY | os::O_CREAT));
            });
        }
    }

    /// Reads all entries.
    pub fn list(&self) -> Cost {
        static mut ENTRIES: [u8; BUFFER] = [0; BUFFER];
        let at = &raw mut ENTRIES as usize;
        let path = CStr::from_bytes_until_nul(&self.path).unwrap_or_default();
        long_cost(5, 1, || {
            let directory = calls::open(path, os::O_RDONLY);
            while must(numbers::GETDENTS64, [directory, at, BUFFER, 0, 0, 0]) > 0 {}
            calls::close(directory);
        })
    }
}
