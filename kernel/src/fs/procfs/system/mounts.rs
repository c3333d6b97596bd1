//! /proc/PID/{mounts,mountinfo}: the mount table in the formats of fstab(5) and proc(5).
//!
//! Only mounts reachable from the caller's root directory are listed, with paths from there.

use alloc::sync::Arc;

use crate::abi::errno::Errno;
use crate::fs::procfs::files::Part;
use crate::mm::fallible::{Text, put};
use crate::process::caller;
use crate::vfs::mount::{self, Mount};

/// Writes a path or source with separators as octal escapes (seq_path's " \t\n\\").
fn field(text: &mut Text, bytes: &[u8]) {
    let is_separator = |c| matches!(c, ' ' | '\t' | '\n' | '\\');
    for chunk in bytes.utf8_chunks() {
        for part in chunk.valid().split_inclusive(is_separator) {
            match part.char_indices().next_back() {
                Some((at, c)) if is_separator(c) => {
                    text.push_str(&part[..at]);
                    put!(text, "\\{:03o}", c as u32);
                }
                _ => text.push_str(part),
            }
        }
        for byte in chunk.invalid() {
            put!(text, "\\{byte:03o}");
        }
    }
}

fn source(text: &mut Text, mount: &Mount) {
    match mount.source() {
        "" => text.push_str("none"),
        source => field(text, source.as_bytes()),
    }
}

/// A part of a list of mounts, which begins with the mount number `from`: `f` writes a line for
/// each mount reachable by the caller, with its path.
fn list(from: u64, f: impl Fn(&mut Text, &Arc<Mount>, &[u8])) -> Result<Part, Errno> {
    /// Mounts in a part.
    const AT_ONCE: u64 = 32;
    let mut text = Text::new();
    let root = caller::context().root;
    for (number, mount) in (from..).zip(mount::all_from(from as usize)) {
        if number - from == AT_ONCE {
            return Ok((text.finish()?.into_bytes(), Some(number)));
        }
        match mount.root().path(&root) {
            Ok((point, true)) => f(&mut text, &mount, &point),
            Ok(_) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok((text.finish()?.into_bytes(), None))
}

/// Writes /proc/PID/mounts, in the format of fstab(5).
pub(in crate::fs::procfs) fn mounts(from: u64) -> Result<Part, Errno> {
    list(from, |text, mount, point| {
        source(text, mount);
        text.push_str(" ");
        field(text, point);
        let (flags, options) = (mount.flags().text(), mount.fs().options());
        put!(text, " {} {flags}{options} 0 0\n", mount.fs().name());
    })
}

/// Writes /proc/PID/mountinfo (proc(5)).
pub(in crate::fs::procfs) fn mountinfo(from: u64) -> Result<Part, Errno> {
    list(from, |text, mount, point| {
        let device = mount.root().inode().metadata().dev;
        let parent = mount.mount_point().map_or(mount.id, |point| point.mount.id);
        let (id, major, minor) = (mount.id, device.major, device.minor);
        put!(text, "{id} {parent} {major}:{minor} ");
        match mount.root_dentry().path_in_file_system() {
            Ok(root) => field(text, &root),
            Err(_) => text.fail(),
        }
        text.push_str(" ");
        field(text, point);
        let (flags, options) = (mount.flags().text(), mount.fs().options());
        put!(text, " {flags} - {} ", mount.fs().name());
        source(text, mount);
        put!(text, " rw{options}\n");
    })
}
