//! /proc/PID/{maps,smaps,smaps_rollup}: a line per area in Linux's format (fs/proc/task_mmu.c), in
//! smaps with its resident pages.
//!
//! A page of the file itself counts as clean; dirty and accessed bits are not evaluated.

use super::files::Part;
use super::subject::Subject;
use crate::abi::errno::Errno;
use crate::abi::metadata::Device;
use crate::arch::cpu;
use crate::mm::PAGE_SIZE;
use crate::mm::fallible::{Text, put};
use crate::process::SharedMm;
use crate::sched::preempt;
use crate::vm::accounting::Present;
use crate::vm::vma::{Backing, Prot, Vma, VmaFlags};

/// Column of the name.
const NAME_COLUMN: usize = 73;

/// Counts the present pages of [start, end), a part at a time.
fn present(mm: &SharedMm, start: u64, end: u64) -> Present {
    let mut sum = Present::default();
    let mut at = start;
    loop {
        at = mm.lock().present_part(at, end, |_, _, more| sum += more);
        if at >= end {
            return sum;
        }
        preempt::point();
    }
}

/// /proc/PID/maps.
pub(super) fn maps(subject: &Subject, from: u64) -> Result<Part, Errno> {
    let mut text = Text::new();
    let mut next = None;
    let mm = subject.process.mm();
    if let Some(mm) = mm {
        let mm = mm.lock();
        for area in mm.overlapping(from, u64::MAX) {
            if text.len() as u64 >= PAGE_SIZE {
                next = Some(area.start);
                break;
            }
            line(&mut text, area);
        }
    }
    Ok((text.finish()?.into_bytes(), next))
}

/// /proc/PID/smaps, an area at a time.
pub(super) fn smaps(subject: &Subject, from: u64) -> Result<Part, Errno> {
    let mut text = Text::new();
    let mut next = None;
    let mm = subject.process.mm();
    if let Some(mm) = mm {
        let first = |from| {
            let mm = mm.lock();
            let area = mm.overlapping(from, u64::MAX).next();
            area.map(|area| area.start..area.end)
        };
        if let Some(range) = first(from) {
            let present = present(&mm, range.start, range.end);
            // Unless it was unmapped meanwhile.
            if let Some(area) = mm.lock().find(range.start) {
                detailed(&mut text, area, &present);
            }
            next = first(range.end).map(|range| range.start);
        }
    }
    Ok((text.finish()?.into_bytes(), next))
}

/// Writes an entry of smaps.
fn detailed(text: &mut Text, area: &Vma, present: &Present) {
    line(text, area);
    let kib = PAGE_SIZE / 1024;
    let sizes = [
        ("Size:           ", area.len() / 1024),
        ("KernelPageSize: ", kib),
        ("MMUPageSize:    ", kib),
    ];
    for (name, size) in sizes {
        text.push_str(name);
        text.push_decimal(size, 8);
        text.push_str(" kB\n");
    }
    amounts(text, present, locked(area, present), false);
    put!(text, "THPeligible:    0\n");
    if cpu::features().pku {
        put!(text, "ProtectionKey:  {:8}\n", area.key);
    }
    text.push_str("VmFlags:");
    let letters = [(Prot::READ, "rd"), (Prot::WRITE, "wr"), (Prot::EXEC, "ex")];
    for (prot, name) in letters {
        if area.prot.contains(prot) {
            text.push_str(" ");
            text.push_str(name);
        }
    }
    if area.shared {
        text.push_str(" sh");
    }
    for (prot, name) in [(Prot::READ, "mr"), (Prot::WRITE, "mw"), (Prot::EXEC, "me")] {
        if area.max_prot.contains(prot) {
            put!(text, " {name}");
        }
    }
    if area.grows_down() {
        text.push_str(" gd");
    }
    if area.flags.contains(VmaFlags::LOCKED) {
        text.push_str(" lo");
    }
    text.push_str(" \n");
}

/// Proportional share in pages (PSS): the number of sharers is unknown, each shared page counts
/// half.
fn share(present: &Present) -> u64 {
    present.exclusive + (present.pages - present.exclusive) / 2
}

/// Proportional share of an area's locked pages.
fn locked(area: &Vma, present: &Present) -> u64 {
    if area.flags.contains(VmaFlags::LOCKED) {
        share(present)
    } else {
        0
    }
}

/// Writes the lines of `__show_smap`; for a rollup of all areas, also PSS by type.
fn amounts(text: &mut Text, present: &Present, locked: u64, is_rollup: bool) {
    let shared = present.pages - present.exclusive;
    let dirty = present.anonymous.min(present.exclusive);
    let share = share(present);
    let head = [("Rss", present.pages), ("Pss", share), ("Pss_Dirty", dirty)];
    // Files are stored in tmpfs, which Linux counts as shared memory.
    let kinds = [
        ("Pss_Anon", present.anonymous.min(share)),
        ("Pss_File", 0),
        ("Pss_Shmem", share.saturating_sub(present.anonymous)),
    ];
    let kinds = if is_rollup { &kinds[..] } else { &[] };
    let rest = [
        ("Shared_Clean", shared),
        ("Shared_Dirty", 0),
        ("Private_Clean", present.exclusive - dirty),
        ("Private_Dirty", dirty),
        ("Referenced", present.pages),
        ("Anonymous", present.anonymous),
        ("LazyFree", 0),
        ("AnonHugePages", 0),
        ("ShmemPmdMapped", 0),
        ("FilePmdMapped", 0),
        ("Shared_Hugetlb", 0),
        ("Private_Hugetlb", 0),
        ("Swap", 0),
        ("SwapPss", 0),
        ("Locked", locked),
    ];
    for (name, pages) in head.iter().chain(kinds).chain(&rest) {
        text.push_str(name);
        text.push_str(":");
        text.push_spaces(16_usize.saturating_sub(name.len() + 1));
        text.push_decimal(pages * (PAGE_SIZE / 1024), 8);
        text.push_str(" kB\n");
    }
}

/// Writes smaps_rollup: the sums of all areas.
pub(super) fn rollup(subject: &Subject, text: &mut Text) {
    let Some(mm) = subject.process.mm() else {
        return;
    };
    let mut sum = Present::default();
    let (mut start, mut end, mut all_locked) = (0, 0, 0);
    let mut at = 0;
    loop {
        {
            let mm = mm.lock();
            at = mm.present_part(at, mm.task_size, |area, _, present| {
                sum += present;
                all_locked += locked(area, &present);
                start = if start == 0 { area.start } else { start };
                end = area.end;
            });
            if at >= mm.task_size {
                break;
            }
        }
        preempt::point();
    }
    put!(text, "{start:08x}-{end:08x} ---p 00000000 00:00 0 ");
    pad(text, 0);
    text.push_str("[rollup]\n");
    amounts(text, &sum, all_locked, true);
}

/// Writes a line of maps.
fn line(text: &mut Text, area: &Vma) {
    let start = text.len();
    let letter = |prot, letter| {
        if area.prot.contains(prot) {
            letter
        } else {
            "-"
        }
    };
    let (offset, (device, ino), path) = match &area.backing {
        Backing::File {
            source,
            offset,
            mapped,
        } => (*offset, source.file_id(), Some(mapped.name.as_str())),
        Backing::Anonymous | Backing::Kernel(..) => (0, (0, 0), None),
    };
    let device = Device::decode(device as u32);
    text.push_hex(area.start, 8);
    text.push_str("-");
    text.push_hex(area.end, 8);
    text.push_str(" ");
    text.push_str(letter(Prot::READ, "r"));
    text.push_str(letter(Prot::WRITE, "w"));
    text.push_str(letter(Prot::EXEC, "x"));
    text.push_str(if area.shared { "s " } else { "p " });
    text.push_hex(offset, 8);
    text.push_str(" ");
    text.push_hex(device.major.into(), 2);
    text.push_str(":");
    text.push_hex(device.minor.into(), 2);
    text.push_str(" ");
    text.push_decimal(ino, 0);
    text.push_str(" ");
    if let Some(name) = area.role.name().or(path) {
        pad(text, start);
        // A line feed in a name is escaped, as it would end the line.
        for (number, part) in name.split('\n').enumerate() {
            text.push_str(if number > 0 { "\\012" } else { "" });
            text.push_str(part);
        }
    }
    text.push_str("\n");
}

/// Pads the line that began at `start` up to the column of the name.
fn pad(text: &mut Text, start: usize) {
    text.push_spaces(NAME_COLUMN.saturating_sub(text.len() - start));
}
