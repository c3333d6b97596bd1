//! The stack from which IRET returns to a 16-bit stack segment.
//!
//! Such an IRET loads sp only: the upper half of esp keeps what the kernel's rsp had there, which
//! the program can see, and its own value is gone (Intel SDM vol. 3, IRET; the same in QEMU). So
//! it is done on a stack whose address has the program's own bits 16 to 31: one page, mapped
//! read-only at the same offset in each 64 KiB of 4 GiB, in four tables in all. What a program
//! still learns is an address that says nothing (arch/x86/kernel/espfix_64.c).
//!
//! `entry/exit.rs` copies the return frame here, by the physical map. If IRET can't load it, the
//! CPU finds the stack read-only, and a double fault comes of it: `process/fault.rs` knows that.

use core::sync::atomic::{AtomicU64, Ordering};

use x86_64::PhysAddr;
use x86_64::structures::paging::PageTable;

use super::frame::{Frame, phys_to_virt};
use super::layout;
use super::paging::PageFlags;

/// Bytes between the copies of the page; one for each value of esp's upper half.
const STRIDE: usize = 1 << 16;
/// Where in the page the return frame stands: five words, and its end aligned.
pub const OFFSET: u64 = 0xfc0;

/// Where the page can be written to, at [`OFFSET`].
pub static WRITABLE_AT: AtomicU64 = AtomicU64::new(0);

fn new_frame() -> u64 {
    Frame::zeroed()
        .expect("no memory for the kernel's tables")
        .into_raw()
}

/// A table whose entries are all `to`, but for those between every `step`th, up to `count`.
fn table_of(to: u64, flags: PageFlags, step: usize, count: usize) -> u64 {
    let at = new_frame();
    // SAFETY: a cleared frame that nothing else refers to yet is an empty page table.
    let table = unsafe { &mut *phys_to_virt(at).cast::<PageTable>() };
    for slot in table.iter_mut().take(count).step_by(step) {
        slot.set_addr(PhysAddr::new(to), flags);
    }
    at
}

/// Makes the tables; returns the one for [`layout::ESPFIX_START`]'s entry in the root.
pub(super) fn tables() -> u64 {
    let page = new_frame();
    let to_write = phys_to_virt(page) as u64 + OFFSET;
    WRITABLE_AT.store(to_write, Ordering::Relaxed);
    let (leaf, inner) = (
        PageFlags::PRESENT | PageFlags::NO_EXECUTE,
        PageFlags::PRESENT | PageFlags::WRITABLE,
    );
    let last = table_of(page, leaf, STRIDE / 4096, 512);
    let middle = table_of(last, inner, 1, 512);
    table_of(middle, inner, 1, 4)
}

/// Whether a stack pointer is one of that stack's.
pub fn is_espfix(rsp: u64) -> bool {
    (layout::ESPFIX_START..layout::ESPFIX_START + (1 << 32)).contains(&rsp)
}
