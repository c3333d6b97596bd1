//! The espfix stack, from which IRET returns to a 16-bit stack segment.
//!
//! Such an IRET loads only sp: bits 16 to 31 of esp stay those of the kernel's rsp, which discloses
//! a kernel address and loses the program's value (Intel SDM vol. 3, IRET; the same in QEMU). So
//! IRET runs on a stack whose address has the program's bits 16 to 31: one page, mapped read-only
//! at the same offset in each 64 KiB of 4 GiB, by one table per level
//! (arch/x86/kernel/espfix_64.c).
//!
//! `entry/exit.rs` copies the return frame to the page through the physical map. If IRET can't load
//! it, the CPU can't push the exception's frame on the read-only stack and raises a double fault,
//! which `entry/exception_dispatch.rs` handles.

use core::sync::atomic::{AtomicU64, Ordering};

use x86_64::PhysAddr;
use x86_64::structures::paging::PageTable;

use super::frame::{Frame, phys_to_virt};
use super::layout;
use super::paging::PageFlags;

/// Bytes between the copies of the page; one for each value of esp's upper half.
const STRIDE: usize = 1 << 16;
/// Offset of the return frame in the page. Its five words end within the page.
pub const OFFSET: u64 = 0xfc0;

/// Writable address of the return frame, in the physical map.
pub static WRITABLE_AT: AtomicU64 = AtomicU64::new(0);

fn new_frame() -> u64 {
    Frame::zeroed()
        .expect("no memory for the kernel's tables")
        .into_raw()
}

/// Creates a table in which every `step`th of the first `count` entries points to `to`.
fn table_of(to: u64, flags: PageFlags, step: usize, count: usize) -> u64 {
    let at = new_frame();
    // SAFETY: a cleared frame that nothing else refers to yet is an empty page table.
    let table = unsafe { &mut *phys_to_virt(at).cast::<PageTable>() };
    for slot in table.iter_mut().take(count).step_by(step) {
        slot.set_addr(PhysAddr::new(to), flags);
    }
    at
}

/// Creates the page and its tables; returns the table for [`layout::ESPFIX_START`]'s root entry.
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

/// Whether a stack pointer is in the espfix stack's range.
pub fn is_espfix(rsp: u64) -> bool {
    (layout::ESPFIX_START..layout::ESPFIX_START + (1 << 32)).contains(&rsp)
}
