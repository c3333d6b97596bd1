//! newc cpio archives (magic 070701, or 070702 with a checksum): the format of an initramfs.
//!
//! A member is a header of 110 ASCII bytes, a NUL-terminated name, and a body, the last two padded
//! so that the next part begins at a multiple of four. A member named `TRAILER!!!` ends an archive;
//! zero bytes and another archive may follow. Members with the same device and inode number and a
//! link count above one are hard links to one file, and only one of them has its body.
//!
//! [`entries`] iterates over archives in memory without allocating; [`Stream`] parses them in
//! pieces of any size, as from an inflater; [`Writer`] makes archives. Names are not sanitized: the
//! unpacker must not follow `..` or a leading `/` out of its root.

mod slice;
mod stream;
mod writer;

pub use slice::{Entries, Entry, entries};
pub use stream::{Sink, Stream, StreamError};
pub use writer::{Member, Writer};

/// Bytes in a header.
pub const HEADER_SIZE: usize = 110;
/// Maximum length of a name or symlink target in bytes, with its NUL (`PATH_MAX`).
pub const PATH_MAX: u32 = 4096;
/// Name of the member that ends an archive.
pub const TRAILER: &[u8] = b"TRAILER!!!";

/// File type bits of a mode (`S_IFMT`) and their values.
pub mod mode {
    /// Mask of the type bits.
    pub const TYPE: u32 = 0o170_000;
    /// Socket.
    pub const SOCKET: u32 = 0o140_000;
    /// Symbolic link.
    pub const SYMLINK: u32 = 0o120_000;
    /// Regular file.
    pub const FILE: u32 = 0o100_000;
    /// Block device.
    pub const BLOCK: u32 = 0o060_000;
    /// Directory.
    pub const DIRECTORY: u32 = 0o040_000;
    /// Character device.
    pub const CHARACTER: u32 = 0o020_000;
    /// FIFO.
    pub const FIFO: u32 = 0o010_000;
}

/// Error in an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A header without the newc magic (070707, the old portable format, is an error too).
    Magic,
    /// A header field is not a hexadecimal number of eight digits.
    Digits,
    /// The name is empty, longer than [`PATH_MAX`], or has no NUL at its end.
    Name,
    /// A symlink's target is longer than [`PATH_MAX`].
    Target,
    /// A further archive doesn't begin at a multiple of four.
    Padding,
    /// The archive ends inside a member.
    Truncated,
    /// The sum of the body's bytes differs from the header's checksum (070702).
    Checksum,
}

/// A [`Problem`] and its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// Offset in the archive, in bytes.
    pub offset: u64,
    /// The error at that offset.
    pub problem: Problem,
}

/// The fields of a member's header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Inode number.
    pub ino: u32,
    /// Type and permission bits (`st_mode`).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Number of the inode's links.
    pub nlink: u32,
    /// Modification time in seconds since 1970.
    pub mtime: u32,
    /// Bytes in the body.
    pub size: u32,
    /// Device that the file was archived from: major and minor number.
    pub dev: (u32, u32),
    /// Device of a device node: major and minor number.
    pub rdev: (u32, u32),
    /// Length of the name in bytes, with its NUL.
    pub name_size: u32,
    /// Sum of the body's bytes, in a 070702 archive.
    pub checksum: Option<u32>,
}

impl Header {
    /// Parses a header at byte `offset` of its archive.
    pub fn parse(raw: &[u8; HEADER_SIZE], offset: u64) -> Result<Header, Error> {
        let has_checksum = match &raw[..6] {
            b"070701" => false,
            b"070702" => true,
            _ => {
                return Err(Error {
                    offset,
                    problem: Problem::Magic,
                });
            }
        };
        let mut fields = [0u32; 13];
        for (index, field) in fields.iter_mut().enumerate() {
            let at = 6 + index * 8;
            let problem = Error {
                offset: offset + at as u64,
                problem: Problem::Digits,
            };
            *field = hexadecimal(&raw[at..at + 8]).ok_or(problem)?;
        }
        let [
            ino,
            mode,
            uid,
            gid,
            nlink,
            mtime,
            size,
            dev0,
            dev1,
            rdev0,
            rdev1,
            name_size,
            sum,
        ] = fields;
        let header = Header {
            ino,
            mode,
            uid,
            gid,
            nlink,
            mtime,
            size,
            dev: (dev0, dev1),
            rdev: (rdev0, rdev1),
            name_size,
            checksum: has_checksum.then_some(sum),
        };
        if !(1..=PATH_MAX).contains(&name_size) {
            return Err(Error {
                offset: offset + 94,
                problem: Problem::Name,
            });
        }
        if header.kind() == mode::SYMLINK && size > PATH_MAX {
            return Err(Error {
                offset: offset + 54,
                problem: Problem::Target,
            });
        }
        Ok(header)
    }

    /// The type bits of the mode.
    pub const fn kind(&self) -> u32 {
        self.mode & mode::TYPE
    }

    /// Whether another member may be a link to the same file.
    pub const fn is_hard_link(&self) -> bool {
        self.nlink > 1 && self.kind() != mode::DIRECTORY
    }

    /// Device and inode number: equal for hard links to one file.
    pub const fn identity(&self) -> (u32, u32, u32) {
        (self.dev.0, self.dev.1, self.ino)
    }
}

/// Value of hexadecimal digits of either case; `None` for another character.
fn hexadecimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |value, &digit| {
        Some(value << 4 | char::from(digit).to_digit(16)?)
    })
}

/// Bytes of padding from `position` to the next multiple of four.
const fn padding(position: u64) -> u64 {
    position.wrapping_neg() & 3
}

/// Adds `bytes` to a 070702 checksum.
fn add_to_sum(sum: u32, bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(sum, |sum, &byte| sum.wrapping_add(u32::from(byte)))
}

#[cfg(test)]
mod tests;
