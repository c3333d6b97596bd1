//! Listing of directories: getdents(2) in its three layouts, and i386's readdir(2).
//!
//! getdents64(2) builds an entry of 8-byte words, with few instructions for each: programs list
//! large directories with it.

use alloc::sync::Arc;
use alloc::vec::Vec;

use zerocopy::IntoBytes as _;

use super::argument::Word;
use crate::abi::errno::{Errno, SysResult};
use crate::abi::metadata::mode;
use crate::mm::fallible;
use crate::process::caller;
use crate::usercopy::UserPtr;
use crate::vfs::file::File;
use crate::vfs::inode::ListEntry;
use crate::vfs::notify;
use crate::vfs::path::NAME_MAX;

/// Most bytes of entries that one call returns.
const LIST_MAX: usize = 32 * 1024;

/// The entries of one call, which start at the file's position.
struct Listing {
    file: Arc<File>,
    /// Position after the last entry taken.
    position: u64,
    /// Why the next entry was not taken: `EINVAL` if there is no room for it, `ENOMEM`.
    refused: Option<Errno>,
}

impl Listing {
    /// Calls `take` with the next entries of directory `fd` until it refuses one.
    fn of(
        fd: i32,
        mut take: impl FnMut(&ListEntry<'_>) -> Result<(), Errno>,
    ) -> Result<Self, Errno> {
        let file = caller::file(fd)?;
        let location = file.location();
        if location.inode().kind() != mode::S_IFDIR {
            return Err(Errno::ENOTDIR);
        }
        if location.dentry.is_removed() {
            return Err(Errno::ENOENT);
        }
        let start = file.offset();
        let (mut position, mut refused) = (start, None);
        let mut emit = |entry: ListEntry<'_>| {
            refused = take(&entry).err();
            if refused.is_none() {
                position = entry.next;
            }
            refused.is_none()
        };
        let mut going = true;
        if start < 2 {
            let above = location.above(&caller::context().root);
            let dots = [(&b"."[..], location), (b"..", &above)];
            for (index, (name, place)) in dots.into_iter().enumerate().skip(start as usize) {
                let ino = place.inode().metadata().ino;
                let next = index as u64 + 1;
                let kind = mode::S_IFDIR;
                going = going
                    && emit(ListEntry {
                        name,
                        ino,
                        kind,
                        next,
                    });
            }
        }
        if going {
            location.inode().list(start.max(2), &mut emit)?;
        }
        if notify::is_on() {
            notify::file(&file, notify::events::ACCESS);
        }
        file.accessed();
        Ok(Self {
            file,
            position,
            refused,
        })
    }

    /// Writes the entries, `length` bytes (0 at the end of the directory), and advances the file's
    /// position.
    fn finish(self, length: usize, write: impl FnOnce() -> Result<(), Errno>) -> SysResult {
        if length == 0
            && let Some(errno) = self.refused
        {
            return Err(errno);
        }
        write()?;
        self.file.set_offset(self.position);
        Ok(length)
    }
}

/// An entry's type (`DT_*`).
fn kind(entry: &ListEntry<'_>) -> u8 {
    (entry.kind >> 12) as u8
}

/// Up to seven bytes as a little-endian word. The loads overlap: faster than byte by byte.
fn word(bytes: &[u8]) -> u64 {
    let len = bytes.len();
    if let (Some(low), Some(high)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let [low, high] = [low, high].map(|part| u64::from(u32::from_le_bytes(*part)));
        return low | high << ((len - 4) * 8);
    }
    match bytes {
        [] => 0,
        [first, .., last] => {
            let middle = u64::from(bytes[len / 2]) << (len / 2 * 8);
            u64::from(*first) | middle | u64::from(*last) << ((len - 1) * 8)
        }
        [only] => u64::from(*only),
    }
}

/// Reserves room for `more` elements, of `room` in all: first in a small buffer, then in one of the
/// full size.
///
/// # Errors
/// `EINVAL` if `room` is exceeded, `ENOMEM`.
fn make_room<T>(buffer: &mut Vec<T>, more: usize, room: usize) -> Result<(), Errno> {
    if buffer.len() + more > room {
        return Err(Errno::EINVAL);
    }
    if buffer.capacity() - buffer.len() >= more {
        return Ok(());
    }
    let small = (2048 / size_of::<T>()).min(room);
    let size = if buffer.capacity() == 0 { small } else { room };
    fallible::room_exactly(buffer, size.max(more) - buffer.len())
}

/// Bytes that entries may take in a buffer of `count` bytes, an int, as in Linux's fs/readdir.c.
fn room(count: i32) -> usize {
    usize::try_from(count).map_or(0, |count| count.min(LIST_MAX))
}

/// getdents64(2): inode (8 bytes), next position (8), length (2), type (1), name and NULs to a
/// multiple of eight.
pub fn getdents64(fd: i32, buf: UserPtr<u64>, count: i32) -> SysResult {
    /// Bytes in front of the name.
    const HEAD: usize = 19;
    let room = room(count) / 8;
    let mut words = Vec::<u64>::new();
    let listing = Listing::of(fd, |entry| {
        let len = (HEAD + entry.name.len() + 1).div_ceil(8);
        make_room(&mut words, len, room)?;
        let third = (len * 8) as u64 | u64::from(kind(entry)) << 16;
        // The third word holds the first five bytes of the name too.
        let (first, mut rest) = entry.name.split_at(entry.name.len().min(24 - HEAD));
        words.extend_from_slice(&[entry.ino, entry.next, third | word(first) << 24]);
        while let Some((chunk, more)) = rest.split_first_chunk() {
            words.push(u64::from_le_bytes(*chunk));
            rest = more;
        }
        // The last word, with a NUL at least.
        if first.len() == 24 - HEAD {
            words.push(word(rest));
        }
        Ok(())
    })?;
    listing.finish(words.len() * 8, || buf.write_slice(&words))
}

/// getdents(2): two longs, length (2), name, and the type as the last byte.
pub fn getdents<W: Word>(fd: i32, buf: UserPtr<u8>, count: i32) -> SysResult {
    let long = size_of::<W>();
    let room = room(count);
    let mut bytes = Vec::<u8>::new();
    let listing = Listing::of(fd, |entry| {
        let len = (long * 2 + 2 + entry.name.len() + 2).next_multiple_of(long);
        let end = bytes.len() + len;
        make_room(&mut bytes, len, room)?;
        bytes.extend_from_slice([entry.ino, entry.next].map(W::truncate).as_bytes());
        bytes.extend_from_slice(&(len as u16).to_ne_bytes());
        bytes.extend_from_slice(entry.name);
        bytes.resize(end - 1, 0);
        bytes.push(kind(entry));
        Ok(())
    })?;
    listing.finish(bytes.len(), || buf.write_slice(&bytes))
}

/// readdir(2), i386: one entry; inode, its own position (4 bytes each), length of its name (2), the
/// name and a NUL. Returns 1, or 0 at the end.
pub fn readdir32(fd: i32, buf: UserPtr<u8>, _count: u32) -> SysResult {
    /// Bytes in front of the name.
    const HEAD: usize = 10;
    let mut entry = [0; HEAD + NAME_MAX + 1];
    let mut length = 0;
    let mut own = caller::file(fd)?.offset();
    let listing = Listing::of(fd, |next| {
        let end = HEAD + next.name.len();
        if length != 0 || end >= entry.len() {
            return Err(Errno::EINVAL);
        }
        entry[..4].copy_from_slice(&(next.ino as u32).to_ne_bytes());
        entry[4..8].copy_from_slice(&(own as u32).to_ne_bytes());
        entry[8..HEAD].copy_from_slice(&(next.name.len() as u16).to_ne_bytes());
        entry[HEAD..end].copy_from_slice(next.name);
        length = end + 1;
        own = next.next;
        Ok(())
    })?;
    if length == 0 {
        return Ok(0);
    }
    listing.finish(length, || buf.write_slice(&entry[..length]))?;
    Ok(1)
}
