//! /proc/meminfo and /proc/vmstat: memory by use.
//!
//! The only page cache is the files of tmpfs, which can't be written back: they are "Shmem", and
//! MemAvailable equals MemFree. Memory used by neither files nor the kernel's heap counts as
//! programs'.

use crate::mm::fallible::{Text, put};
use crate::mm::{PAGE_SIZE, frame, heap};
use crate::vfs::tmpfs;

/// Pages by use.
struct Use {
    total: u64,
    free: u64,
    files: u64,
    slab: u64,
}

fn pages() -> Use {
    let (free, total) = frame::statistics();
    Use {
        total,
        free,
        files: tmpfs::pages_in_files(),
        slab: heap::in_use() as u64 / PAGE_SIZE,
    }
}

impl Use {
    /// The other pages: anonymous memory, page tables and stacks.
    fn anonymous(&self) -> u64 {
        let known = self.free + self.files + self.slab;
        self.total.saturating_sub(known)
    }
}

pub(super) fn meminfo(_: &(), text: &mut Text) {
    let pages = pages();
    let anonymous = pages.anonymous();
    let lines = [
        ("MemTotal", pages.total),
        ("MemFree", pages.free),
        ("MemAvailable", pages.free),
        ("Buffers", 0),
        ("Cached", pages.files),
        ("SwapCached", 0),
        ("Active", anonymous + pages.files),
        ("Inactive", 0),
        ("Active(anon)", anonymous + pages.files),
        ("Inactive(anon)", 0),
        ("Active(file)", 0),
        ("Inactive(file)", 0),
        ("Unevictable", 0),
        ("Mlocked", 0),
        ("SwapTotal", 0),
        ("SwapFree", 0),
        ("Dirty", 0),
        ("Writeback", 0),
        ("AnonPages", anonymous),
        ("Mapped", 0),
        ("Shmem", pages.files),
        ("KReclaimable", 0),
        ("Slab", pages.slab),
        ("SReclaimable", 0),
        ("SUnreclaim", pages.slab),
        ("KernelStack", 0),
        ("PageTables", 0),
        ("NFS_Unstable", 0),
        ("Bounce", 0),
        ("WritebackTmp", 0),
        ("CommitLimit", pages.total),
        ("Committed_AS", anonymous + pages.files),
        ("VmallocTotal", 0),
        ("VmallocUsed", 0),
        ("VmallocChunk", 0),
    ];
    let kib = PAGE_SIZE / 1024;
    for (name, value) in lines {
        text.push_str(name);
        text.push_str(":");
        text.push_spaces(16_usize.saturating_sub(name.len() + 1));
        text.push_decimal(value * kib, 8);
        text.push_str(" kB\n");
    }
}

/// The lines that vmstat(8) and top(1) read; there is no paging and no swap.
pub(super) fn vmstat(_: &(), text: &mut Text) {
    let pages = pages();
    let lines = [
        ("nr_free_pages", pages.free),
        ("nr_anon_pages", pages.anonymous()),
        ("nr_mapped", 0),
        ("nr_file_pages", pages.files),
        ("nr_dirty", 0),
        ("nr_writeback", 0),
        ("nr_shmem", pages.files),
        ("nr_slab_reclaimable", 0),
        ("nr_slab_unreclaimable", pages.slab),
        ("pgpgin", 0),
        ("pgpgout", 0),
        ("pswpin", 0),
        ("pswpout", 0),
        ("pgmajfault", 0),
    ];
    for (name, value) in lines {
        put!(text, "{name} {value}\n");
    }
}
