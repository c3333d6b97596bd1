//! /proc/PID/{maps,smaps,smaps_rollup}: a line for each area, as Linux prints it
//! (fs/proc/task_mmu.c), and in smaps what of it is present.
//!
//! A page is clean if it is the file's own; which were written to or looked at isn't known further.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use super::subject::Subject;
use crate::arch::cpu;
use crate::fs::inode::Device;
use crate::mm::PAGE_SIZE;
use crate::mm::address_space::AddressSpace;
use crate::mm::usage::Present;
use crate::mm::vma::{Backing, Prot, Role, Vma};
use crate::syscall::errno::Errno;

/// Column at which names begin.
const NAME_COLUMN: usize = 73;

/// No entry is longer: the columns, a path, and smaps's lines.
const ENTRY_MAX: usize = NAME_COLUMN + 4096 + 1024;

/// The file's text: what `entry` writes of each area.
pub(super) fn text(
    subject: &Subject,
    entry: fn(&mut String, &AddressSpace, &Vma),
) -> Result<Vec<u8>, Errno> {
    let mut text = String::new();
    let mm = subject.process.mm.lock().clone();
    if let Some(mm) = mm {
        let mm = mm.lock();
        for area in mm.areas() {
            // There may be tens of thousands of them.
            text.try_reserve(ENTRY_MAX).map_err(|_| Errno::ENOMEM)?;
            entry(&mut text, &mm, area);
        }
    }
    Ok(text.into_bytes())
}

/// An entry of smaps.
pub(super) fn detailed(text: &mut String, mm: &AddressSpace, area: &Vma) {
    line(text, mm, area);
    let kib = PAGE_SIZE / 1024;
    // Writing to a String can't fail.
    let _ = write!(
        text,
        "{:<16}{:8} kB\nKernelPageSize: {kib:8} kB\nMMUPageSize:    {kib:8} kB\n",
        "Size:",
        area.len() / 1024
    );
    amounts(text, &mm.present(area));
    let _ = writeln!(text, "THPeligible:           0");
    if cpu::features().pku {
        let _ = writeln!(text, "ProtectionKey:  {:8}", area.key);
    }
    text.push_str("VmFlags:");
    let letters = [(Prot::READ, "rd"), (Prot::WRITE, "wr"), (Prot::EXEC, "ex")];
    for (prot, name) in letters {
        if area.prot.contains(prot) {
            let _ = write!(text, " {name}");
        }
    }
    if area.shared {
        text.push_str(" sh");
    }
    for (prot, name) in [(Prot::READ, "mr"), (Prot::WRITE, "mw"), (Prot::EXEC, "me")] {
        if area.max_prot.contains(prot) {
            let _ = write!(text, " {name}");
        }
    }
    if area.role == Role::Stack {
        text.push_str(" gd");
    }
    text.push_str(" \n");
}

fn amounts(text: &mut String, present: &Present) {
    let shared = present.pages - present.exclusive;
    let dirty = present.anonymous.min(present.exclusive);
    let lines = [
        ("Rss", present.pages),
        // Who else has the shared ones isn't counted: half is as near as can be told.
        ("Pss", present.exclusive + shared / 2),
        ("Pss_Dirty", dirty),
        ("Shared_Clean", shared),
        ("Shared_Dirty", 0),
        ("Private_Clean", present.exclusive - dirty),
        ("Private_Dirty", dirty),
        ("Referenced", present.pages),
        ("Anonymous", present.anonymous),
        ("KSM", 0),
        ("LazyFree", 0),
        ("AnonHugePages", 0),
        ("ShmemPmdMapped", 0),
        ("FilePmdMapped", 0),
        ("Shared_Hugetlb", 0),
        ("Private_Hugetlb", 0),
        ("Swap", 0),
        ("SwapPss", 0),
        ("Locked", 0),
    ];
    for (name, pages) in lines {
        let name = format!("{name}:");
        let _ = writeln!(text, "{name:<16}{:8} kB", pages * (PAGE_SIZE / 1024));
    }
}

/// The text of smaps_rollup: all areas as one.
pub(super) fn rollup(subject: &Subject) -> Result<Vec<u8>, Errno> {
    let Some(mm) = subject.process.mm.lock().clone() else {
        return Err(Errno::ESRCH);
    };
    let mm = mm.lock();
    let mut sum = Present::default();
    let (mut start, mut end) = (0, 0);
    for area in mm.areas() {
        let present = mm.present(area);
        sum.pages += present.pages;
        sum.exclusive += present.exclusive;
        sum.anonymous += present.anonymous;
        start = if start == 0 { area.start } else { start };
        end = area.end;
    }
    let mut text = format!("{start:08x}-{end:08x} ---p 00000000 00:00 0 ");
    let padding = NAME_COLUMN.saturating_sub(text.len());
    text.extend(core::iter::repeat_n(' ', padding));
    text.push_str("[rollup]\n");
    amounts(&mut text, &sum);
    Ok(text.into_bytes())
}

/// A line of maps.
pub(super) fn line(text: &mut String, _mm: &AddressSpace, area: &Vma) {
    let start = text.len();
    let letter = |prot, letter| {
        if area.prot.contains(prot) {
            letter
        } else {
            '-'
        }
    };
    let (read, write, execute) = (
        letter(Prot::READ, 'r'),
        letter(Prot::WRITE, 'w'),
        letter(Prot::EXEC, 'x'),
    );
    let sharing = if area.shared { 's' } else { 'p' };
    let (offset, (device, ino), path) = match &area.backing {
        Backing::File {
            source,
            offset,
            path,
        } => (*offset, source.file_id(), Some(&**path)),
        Backing::Anonymous | Backing::Kernel(..) => (0, (0, 0), None),
    };
    let device = Device::decode(device as u32);
    // Writing to a String can't fail.
    let _ = write!(
        text,
        "{:08x}-{:08x} {read}{write}{execute}{sharing}",
        area.start, area.end
    );
    let _ = write!(
        text,
        " {offset:08x} {:02x}:{:02x} {ino} ",
        device.major, device.minor
    );
    if let Some(name) = area.role.name().or(path) {
        let width = text.len() - start;
        text.extend(core::iter::repeat_n(' ', NAME_COLUMN.saturating_sub(width)));
        // A line feed in a name would look like the end of the line.
        text.push_str(&name.replace('\n', "\\012"));
    }
    text.push('\n');
}
