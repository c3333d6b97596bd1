//! The archive of the working directory: newc, the format of an initramfs, in frames.
//!
//! Each directory comes before its files. FIFOs, sockets and devices have a header only. init
//! allocates no memory, and a header has the file's size: a file that a process left behind still
//! changes is cut or padded with zeros to that size.

use core::ffi::{CStr, c_char};
use core::ptr;

use sys::numbers as nr;
use sys::os::{self, native};
use sys::{Errno, SysResult};

use crate::frame::{self, Line};

const O_DIRECTORY: usize = 0o200_000;
const O_NOFOLLOW: usize = 0o400_000;
const O_CLOEXEC: usize = 0o2_000_000;
const AT_FDCWD: usize = (-100_isize).cast_unsigned();

/// Type bits of a mode, and their values.
const S_IFMT: u32 = 0o170_000;
const S_IFDIR: u32 = 0o040_000;
const S_IFREG: u32 = 0o100_000;
const S_IFLNK: u32 = 0o120_000;

/// Longest path, with the NUL.
const PATH_MAX: usize = 4096;
const ENAMETOOLONG: Errno = Errno(36);

/// Sends the archive of what is below `directory`. What can't be read is named on standard error,
/// and left out.
pub fn send(line: &mut Line, directory: &CStr) {
    let mut archive = Archive {
        line,
        members: 0,
        path: [0; PATH_MAX],
        used: 0,
    };
    let opened = open_at(AT_FDCWD, directory.as_ptr(), O_DIRECTORY);
    if let Err(errno) = opened.and_then(|file| archive.directory(file)) {
        archive.left_out(errno);
    }
    archive.back_to(0);
    archive.name(b"TRAILER!!!");
    archive.header(0, 0);
}

/// An archive being sent.
struct Archive<'a, 'b> {
    line: &'a mut Line<'b>,
    members: u32,
    /// The current member's path, below the working directory; what follows it is zero.
    path: [u8; PATH_MAX],
    used: usize,
}

impl Archive<'_, '_> {
    /// Sends all members of an open directory, and closes it.
    fn directory(&mut self, file: usize) -> Result<(), Errno> {
        let mut entries = [0; 2048];
        let result = loop {
            match entries_of(file, &mut entries) {
                Ok(0) => break Ok(()),
                Err(errno) => break Err(errno),
                Ok(len) => self.entries(file, &entries[..len]),
            }
        };
        let _ = os::close(file); // opened for reading: no data to lose
        result
    }

    /// Sends the members that `entries` of the directory `file` name.
    fn entries(&mut self, file: usize, mut entries: &[u8]) {
        // struct linux_dirent64: inode and offset of 8 bytes, the entry's length, a byte of type,
        // the name.
        while let Some((&[low, high], _)) = entries.get(16..).and_then(<[u8]>::split_first_chunk) {
            let (entry, rest) = entries.split_at(usize::from(u16::from_le_bytes([low, high])));
            entries = rest;
            let Ok(name) = CStr::from_bytes_until_nul(&entry[19..]) else {
                return;
            };
            if name == c"." || name == c".." {
                continue;
            }
            let above = self.used;
            let sent = match self.name(name.to_bytes()) {
                true => self.member(file, name.as_ptr()),
                false => Err(ENAMETOOLONG),
            };
            if let Err(errno) = sent {
                self.left_out(errno);
            }
            self.back_to(above);
        }
    }

    /// Sends the member `name` of the directory `above`: its path is the current one.
    fn member(&mut self, above: usize, name: *const c_char) -> Result<(), Errno> {
        let (mode, size) = status(above, name)?;
        match mode & S_IFMT {
            S_IFDIR => {
                let file = open_at(above, name, O_DIRECTORY | O_NOFOLLOW)?;
                self.header(mode, 0);
                self.directory(file)
            }
            S_IFREG => {
                let file = open_at(above, name, O_NOFOLLOW)?;
                self.header(mode, size);
                self.content(file, size as usize);
                let _ = os::close(file); // opened for reading: no data to lose
                Ok(())
            }
            S_IFLNK => {
                let mut target = [0; PATH_MAX];
                let len = read_link(above, name, &mut target)?;
                self.header(mode, len as u32);
                self.body(&target[..len]);
                self.pad(len);
                Ok(())
            }
            _ => {
                self.header(mode, 0);
                Ok(())
            }
        }
    }

    /// Sends exactly `size` bytes of a file.
    fn content(&mut self, file: usize, size: usize) {
        let mut bytes = [0; 4096];
        let mut left = size;
        while left != 0 {
            let most = left.min(bytes.len());
            let count = match os::read(file, &mut bytes[..most]) {
                Ok(count @ 1..) => count,
                _ => {
                    bytes[..most].fill(0);
                    most
                }
            };
            self.body(&bytes[..count]);
            left -= count;
        }
        self.pad(size);
    }

    /// Adds a name to the current path; false if the path gets too long.
    fn name(&mut self, name: &[u8]) -> bool {
        let slash: &[u8] = if self.used == 0 { b"" } else { b"/" };
        for part in [slash, name] {
            // The last byte stays NUL.
            let Some(place) = self.path[..PATH_MAX - 1].get_mut(self.used..self.used + part.len())
            else {
                return false;
            };
            place.copy_from_slice(part);
            self.used += part.len();
        }
        true
    }

    /// Cuts the current path to its first `used` bytes.
    fn back_to(&mut self, used: usize) {
        self.path[used..self.used].fill(0);
        self.used = used;
    }

    /// Sends the header and the path of a member with these type and permission bits, and this
    /// size.
    fn header(&mut self, mode: u32, size: u32) {
        self.members += 1;
        let length = self.used as u32 + 1;
        let mut header = [b'0'; 110];
        header[..6].copy_from_slice(b"070701");
        // Inode, mode, links, size and the path's length with its NUL; all others are 0.
        for (field, value) in [
            (0, self.members),
            (1, mode),
            (4, 1),
            (6, size),
            (11, length),
        ] {
            for (digit, byte) in header[6 + field * 8..][..8].iter_mut().enumerate() {
                let value = value >> (28 - 4 * digit) & 0xf;
                *byte = b"0123456789abcdef"[value as usize];
            }
        }
        self.body(&header);
        // The NUL too.
        self.line.send(frame::ARCHIVE, &self.path[..=self.used]);
        self.pad(header.len() + self.used + 1);
    }

    /// Sends the padding of a part of `len` bytes.
    fn pad(&mut self, len: usize) {
        self.body(&[0; 3][..len.wrapping_neg() % 4]);
    }

    fn body(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.line.send(frame::ARCHIVE, bytes);
        }
    }

    /// Names the current member on standard error.
    fn left_out(&mut self, errno: Errno) {
        for text in [
            b"init: left out of the archive: ",
            &self.path[..self.used],
            b": ",
            errno.name().as_bytes(),
            b"\n",
        ] {
            self.line.send(frame::ERROR, text);
        }
    }
}

/// Opens `name` in the directory `above` for reading.
fn open_at(above: usize, name: *const c_char, flags: usize) -> SysResult {
    let flags = os::O_RDONLY | O_CLOEXEC | flags;
    // SAFETY: the kernel only reads the string, which the callers end with a NUL.
    unsafe { native(nr::OPENAT, [above, name as usize, flags, 0, 0, 0]) }
}

/// The next entries of a directory; returns their length in bytes, 0 at the end.
fn entries_of(file: usize, bytes: &mut [u8]) -> SysResult {
    let (address, len) = (bytes.as_mut_ptr() as usize, bytes.len());
    // SAFETY: the kernel writes within `bytes`.
    unsafe { native(nr::GETDENTS64, [file, address, len, 0, 0, 0]) }
}

/// The mode and the size of `name` in the directory `above`; a symbolic link's own. The archive's
/// fields have 32 bits: a larger file is cut.
fn status(above: usize, name: *const c_char) -> Result<(u32, u32), Errno> {
    /// `struct statx`, the same in both widths.
    #[repr(C)]
    struct Status {
        before: [u32; 7],
        mode: u16,
        inode: u64,
        size: u64,
        after: [u64; 26],
    }
    const AT_SYMLINK_NOFOLLOW: usize = 0x100;
    const STATX_BASIC_STATS: usize = 0x7ff;
    const _: () = assert!(core::mem::offset_of!(Status, size) == 40 && size_of::<Status>() == 256);
    let mut status = Status {
        before: [0; 7],
        mode: 0,
        inode: 0,
        size: 0,
        after: [0; 26],
    };
    let address = ptr::from_mut(&mut status) as usize;
    let (flags, mask) = (AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS);
    // SAFETY: the kernel reads the string and writes one statx.
    unsafe { native(nr::STATX, [above, name as usize, flags, mask, address, 0]) }?;
    let size = u32::try_from(status.size).unwrap_or(u32::MAX);
    Ok((u32::from(status.mode), size))
}

/// Reads a symbolic link's target; returns its length.
fn read_link(above: usize, name: *const c_char, target: &mut [u8]) -> SysResult {
    let (address, len) = (target.as_mut_ptr() as usize, target.len());
    // SAFETY: the kernel reads the string and writes within `target`.
    unsafe { native(nr::READLINKAT, [above, name as usize, address, len, 0, 0]) }
}
