//! /proc/PID/{mounts,mountinfo}: what is mounted where, as fstab(5) and proc(5) write it.
//!
//! Only what the process can reach from its own root is told, with paths from there.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt::Write;

use crate::fs::caller;
use crate::fs::mount::{self, Mount};

/// A path or device with what would end a field as an octal escape (seq_path's " \t\n\\").
fn field(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if matches!(c, ' ' | '\t' | '\n' | '\\') {
                // Writing to a String can't fail.
                let _ = write!(text, "\\{:03o}", c as u32);
            } else {
                text.push(c);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\{byte:03o}");
        }
    }
    text
}

fn source(mount: &Mount) -> String {
    match mount.source() {
        "" => String::from("none"),
        source => field(source.as_bytes()),
    }
}

/// Calls `f` with each mount that the caller sees, and the path it sees it at.
fn for_each(mut f: impl FnMut(&Arc<Mount>, String)) {
    let root = caller::context().root;
    for mount in mount::all() {
        if let (point, true) = mount.root().path(&root) {
            f(&mount, field(&point));
        }
    }
}

/// The table of mounts, in the format of fstab(5).
pub(in crate::fs::procfs) fn mounts() -> String {
    let mut text = String::new();
    for_each(|mount, point| {
        let (flags, options) = (mount.flags().text(), mount.fs().options());
        let (source, kind) = (source(mount), mount.fs().name());
        let _ = writeln!(text, "{source} {point} {kind} {flags}{options} 0 0");
    });
    text
}

/// The same with more about each.
pub(in crate::fs::procfs) fn mountinfo() -> String {
    let mut text = String::new();
    for_each(|mount, point| {
        let device = mount.root().inode().metadata().dev;
        let parent = mount.mount_point().map_or(mount.id, |point| point.mount.id);
        let (flags, options) = (mount.flags().text(), mount.fs().options());
        let (source, kind) = (source(mount), mount.fs().name());
        let root = field(&mount.root_dentry().path_in_file_system());
        let _ = writeln!(
            text,
            "{} {parent} {}:{} {root} {point} {flags} - {kind} {source} rw{options}",
            mount.id, device.major, device.minor
        );
    });
    text
}
