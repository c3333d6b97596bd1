//! Structures of calls on files.

use crate::mm::fallible::put;
use crate::trace::call::{Call, Fields};
use crate::trace::names::{self, file};
use crate::trace::strings::{array, hex};
use crate::trace::text::Text;

/// struct stat, 144 bytes, or i386's struct stat64, 96 bytes.
pub fn stat(out: &mut Text, fields: &mut Fields) {
    let mode;
    let device;
    if fields.wide {
        fields.skip(24);
        mode = fields.u32();
        fields.skip(12);
        device = fields.u64();
    } else {
        fields.skip(16);
        mode = fields.u32();
        fields.skip(12);
        device = fields.u64();
        fields.skip(4);
    }
    let size = fields.u64();
    out.add("{st_mode=");
    file::mode(out, mode.into());
    // strace prints a device file's number instead of its size.
    if matches!(mode & 0o170_000, 0o020_000 | 0o060_000) {
        out.add(", st_rdev=");
        file::device(out, device);
    } else {
        put!(out, ", st_size={}", size as i64);
    }
    out.add(", ...}");
}

/// struct statx, 256 bytes.
pub fn statx(out: &mut Text, fields: &mut Fields) {
    out.add("{stx_mask=");
    names::flags(out, fields.u32().into(), file::STATX_MASK, "STATX_???");
    fields.skip(4);
    out.add(", stx_attributes=");
    names::flags(out, fields.u64(), file::STATX_ATTRIBUTES, "STATX_ATTR_???");
    fields.skip(12);
    out.add(", stx_mode=");
    file::mode(out, fields.u16().into());
    fields.skip(10);
    put!(out, ", stx_size={}, ...}}", fields.u64());
}

/// struct statfs, 120 or 64 bytes: longs throughout.
pub fn statfs(out: &mut Text, fields: &mut Fields) {
    statfs_with(out, fields, Fields::long);
}

/// i386's struct statfs64, 84 bytes: the counts have 64 bits.
pub fn statfs64(out: &mut Text, fields: &mut Fields) {
    statfs_with(out, fields, Fields::u64);
}

fn statfs_with(out: &mut Text, fields: &mut Fields, count: fn(&mut Fields) -> u64) {
    let kind = fields.long();
    out.add("{f_type=");
    match names::lookup(kind, file::FILE_SYSTEMS) {
        Some(name) => out.add(name),
        None => hex(out, kind),
    }
    put!(out, ", f_bsize={}", fields.long());
    for name in ["f_blocks", "f_bfree", "f_bavail", "f_files", "f_ffree"] {
        put!(out, ", {name}={}", count(fields));
    }
    out.add(", f_fsid={val=[");
    hex(out, fields.u32().into());
    out.add(", ");
    hex(out, fields.u32().into());
    put!(
        out,
        "]}}, f_namelen={}, f_frsize={}, f_flags=",
        fields.long(),
        fields.long()
    );
    names::flags(out, fields.long(), file::STATFS, "ST_???");
    out.add("}");
}

/// struct flock.
pub fn flock(out: &mut Text, fields: &mut Fields) {
    let kind = fields.u16();
    let whence = fields.u16();
    if fields.wide {
        fields.skip(4);
    }
    lock(out, kind, whence, fields);
}

/// i386's struct flock64: 64-bit offsets without padding.
pub fn flock64(out: &mut Text, fields: &mut Fields) {
    let kind = fields.u16();
    let whence = fields.u16();
    fields.wide = true;
    lock(out, kind, whence, fields);
}

fn lock(out: &mut Text, kind: u16, whence: u16, rest: &mut Fields) {
    out.add("{l_type=");
    names::name(out, kind.into(), file::LOCK_TYPES, "F_???");
    out.add(", l_whence=");
    names::name(out, whence.into(), file::WHENCE, "SEEK_???");
    put!(
        out,
        ", l_start={}, l_len={}, l_pid={}}}",
        rest.signed_long(),
        rest.signed_long(),
        rest.i32()
    );
}

/// Number of directory entries in `len` bytes; an entry's length is at its offset `length_at`.
pub fn count_entries(call: &Call, at: u64, len: u64, length_at: usize) -> usize {
    let mut count = 0;
    let mut offset = 0;
    while offset < len {
        let Some(mut entry) = call.fields(at.wrapping_add(offset), length_at + 2) else {
            break;
        };
        entry.skip(length_at);
        let length = u64::from(entry.u16());
        if length == 0 {
            break;
        }
        offset += length;
        count += 1;
    }
    count
}

/// struct pollfd array with the requested events.
pub fn poll_fds(out: &mut Text, call: &Call, at: u64, count: u64) {
    array(out, at, count, 8, |out, element| {
        let Some(mut fields) = call.fields(element, 8) else {
            return false;
        };
        put!(out, "{{fd={}", fields.i32());
        if !out.as_str().starts_with("{fd=-") {
            out.add(", events=");
            names::flags(out, fields.u16().into(), file::POLL, "POLL???");
        }
        out.add("}");
        true
    });
}

/// The elements of a struct pollfd array that have returned events.
pub fn poll_results(out: &mut Text, call: &Call, at: u64, count: u64) {
    let mut separator = "";
    for index in 0..count.min(1024) {
        let Some(mut fields) = call.fields(at.wrapping_add(index * 8), 8) else {
            return;
        };
        let fd = fields.i32();
        fields.skip(2);
        let events = fields.u16();
        if fd >= 0 && events != 0 {
            put!(out, "{separator}{{fd={fd}, revents=");
            names::flags(out, events.into(), file::POLL, "POLL???");
            out.add("}");
            separator = ", ";
        }
    }
}

/// Text of a set of `count` bits, of descriptors or CPUs: `[0 7]`. `None` if it can't be read.
pub fn fd_set(call: &Call, at: u64, count: u64) -> Option<Text> {
    let mut out = Text::new();
    out.add("[");
    let mut separator = "";
    for fd in 0..count.min(1024) {
        let byte = call.fields(at.wrapping_add(fd / 8), 1)?.u8();
        if byte >> (fd % 8) & 1 != 0 {
            put!(&mut out, "{separator}{fd}");
            separator = " ";
        }
    }
    out.add("]");
    Some(out)
}
