//! Constants of calls on memory.

use linux_raw_sys::general as linux;

use super::{Name, choice_and_flags, names};
use crate::trace::text::Text;

/// mprotect(2).
pub const PROT: &[Name] = names!(linux_raw_sys::general:
    PROT_NONE PROT_READ PROT_WRITE PROT_EXEC PROT_SEM PROT_GROWSDOWN PROT_GROWSUP);
const MAP_TYPES: &[Name] = &[
    (0, "MAP_FILE"),
    (linux::MAP_SHARED as u64, "MAP_SHARED"),
    (linux::MAP_PRIVATE as u64, "MAP_PRIVATE"),
    (linux::MAP_SHARED_VALIDATE as u64, "MAP_SHARED_VALIDATE"),
];
const MAP: &[Name] = names!(linux_raw_sys::general:
    MAP_FIXED MAP_ANONYMOUS MAP_32BIT MAP_NORESERVE MAP_POPULATE MAP_NONBLOCK MAP_GROWSDOWN
    MAP_DENYWRITE MAP_EXECUTABLE MAP_LOCKED MAP_STACK MAP_HUGETLB MAP_SYNC MAP_FIXED_NOREPLACE);
/// mremap(2).
pub const MREMAP: &[Name] =
    names!(linux_raw_sys::general: MREMAP_MAYMOVE MREMAP_FIXED MREMAP_DONTUNMAP);
/// msync(2).
pub const MSYNC: &[Name] = names!(linux_raw_sys::general: MS_ASYNC MS_INVALIDATE MS_SYNC);
/// madvise(2).
pub const MADVICE: &[Name] = names!(linux_raw_sys::general:
    MADV_NORMAL MADV_RANDOM MADV_SEQUENTIAL MADV_WILLNEED MADV_DONTNEED MADV_FREE MADV_REMOVE
    MADV_DONTFORK MADV_DOFORK MADV_MERGEABLE MADV_UNMERGEABLE MADV_HUGEPAGE MADV_NOHUGEPAGE
    MADV_DONTDUMP MADV_DODUMP MADV_WIPEONFORK MADV_KEEPONFORK MADV_COLD MADV_PAGEOUT
    MADV_POPULATE_READ MADV_POPULATE_WRITE MADV_COLLAPSE MADV_HWPOISON MADV_SOFT_OFFLINE);

/// Prints mmap(2)'s flags, the mapping's type first.
pub fn map_flags(out: &mut Text, value: u64) {
    let kind = value & u64::from(linux::MAP_TYPE);
    choice_and_flags(out, (kind, MAP_TYPES), (value & !kind, MAP), "MAP_???");
}
