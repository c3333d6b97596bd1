//! Per-CPU data, found through the GS base while the CPU runs the kernel.
//!
//! The ways in reach it with one `gs:` prefix, before they have a stack: that is why it is a
//! fixed structure whose offsets the assembly takes from here. Only the boot CPU runs, so
//! there is one.

use core::arch::asm;
use core::cell::UnsafeCell;
use core::mem::offset_of;

use x86_64::VirtAddr;
use x86_64::registers::model_specific::{GsBase, KernelGsBase};

use crate::process::Task;

/// What the assembly of the ways in needs, in one cache line.
#[repr(C, align(64))]
pub struct PerCpu {
    /// Top of the running task's kernel stack: where a way in starts to push.
    pub kernel_rsp: u64,
    /// The program's stack pointer, for the two instructions between SYSCALL and the push.
    pub user_rsp: u64,
    /// [`work`] bits: what must be done before or after the call, checked at each entry.
    pub work: u32,
    /// The running task.
    pub current: *const Task,
    /// Where SYSENTER and 32-bit SYSCALL return to: an instruction in the running program's
    /// vDSO. 0 if it has none.
    pub landing_pad: u64,
}

/// Offset of [`PerCpu::kernel_rsp`] for `gs:` operands.
pub const KERNEL_RSP: usize = offset_of!(PerCpu, kernel_rsp);
/// Offset of [`PerCpu::user_rsp`] for `gs:` operands.
pub const USER_RSP: usize = offset_of!(PerCpu, user_rsp);
/// Offset of [`PerCpu::landing_pad`] for `gs:` operands.
pub const LANDING_PAD: usize = offset_of!(PerCpu, landing_pad);
/// Offset of [`PerCpu::work`] for `gs:` operands.
pub const WORK: usize = offset_of!(PerCpu, work);

/// Bits of [`PerCpu::work`].
pub mod work {
    /// The running task's calls are printed by the tracer.
    pub const TRACE: u32 = 1 << 0;
    /// Another task should run. A switch clears it.
    pub const RESCHEDULE: u32 = 1 << 1;
    /// The running task has a signal to take.
    pub const SIGNAL: u32 = 1 << 2;
    /// The running task entered with TF set through a way in that lost it: it gets it back.
    pub const SINGLE_STEP: u32 = 1 << 3;
    /// The frame says where to go on, not the way in: SYSENTER and 32-bit SYSCALL would return
    /// to the landing pad by themselves.
    pub const IRET: u32 = 1 << 4;
    /// The running task was interrupted, and may be in a restartable sequence (rseq(2)).
    pub const RSEQ: u32 = 1 << 6;
    /// The running task's tracer wants to know of its calls (ptrace(2)).
    pub const PTRACE: u32 = 1 << 5;
    /// The kernel's reserve of memory is not full: the next call fills it first (`mm/reserve.rs`). It
    /// belongs to the machine, not to a task, and stays over a switch.
    pub const LOW_MEMORY: u32 = 1 << 7;
    /// The running task left pages to be given back in parts (`mm/leftovers.rs`).
    pub const LEFTOVERS: u32 = 1 << 8;
    /// What is done before a call.
    pub const BEFORE_CALL: u32 = TRACE | PTRACE | LOW_MEMORY;
}

struct Shared(UnsafeCell<PerCpu>);
// SAFETY: only the boot CPU runs, and the kernel is not preemptible; see the accessors.
unsafe impl Sync for Shared {}

static CPU0: Shared = Shared(UnsafeCell::new(PerCpu {
    kernel_rsp: 0,
    user_rsp: 0,
    work: 0,
    current: core::ptr::null(),
    landing_pad: 0,
}));

/// The address that GS's base holds in the kernel.
pub fn base() -> u64 {
    CPU0.0.get() as u64
}

/// Points GS at this CPU's data. A fresh program's own GS base is 0.
pub fn init() {
    GsBase::write(VirtAddr::new(base()));
    KernelGsBase::write(VirtAddr::zero());
}

/// The running task; null before the first.
pub fn current() -> *const Task {
    let task;
    // SAFETY: GS's base is this CPU's `PerCpu` from `init` on, and every way in restores that.
    unsafe {
        asm!("mov {}, gs:[{}]", out(reg) task, const offset_of!(PerCpu, current),
             options(nostack, preserves_flags, readonly));
    }
    task
}

/// Whether one of the [`work`] bits in `MASK` is set: one instruction and a branch.
#[inline(always)]
pub fn is_pending<const MASK: u32>() -> bool {
    // SAFETY: as in `current`.
    unsafe {
        asm!("test dword ptr gs:[{}], {}", "jnz {}", const WORK, const MASK, label { return true },
             options(nostack, readonly));
    }
    false
}

/// The running task's [`work`] bits.
pub fn pending_work() -> u32 {
    let bits;
    // SAFETY: as in `current`.
    unsafe {
        asm!("mov {:e}, gs:[{}]", out(reg) bits, const offset_of!(PerCpu, work),
             options(nostack, preserves_flags, readonly));
    }
    bits
}

/// Sets `bits` for the running task.
pub fn set_work(bits: u32) {
    // SAFETY: as in `current`; the field belongs to this CPU alone.
    unsafe {
        asm!("or gs:[{}], {:e}", const offset_of!(PerCpu, work), in(reg) bits, options(nostack));
    }
}

/// Clears `bits` for the running task.
pub fn clear_work(bits: u32) {
    // SAFETY: as in `set_work`.
    unsafe {
        asm!("and gs:[{}], {:e}", const offset_of!(PerCpu, work), in(reg) !bits, options(nostack));
    }
}

/// Says where the running program's landing pad is.
pub fn set_landing_pad(address: u64) {
    // SAFETY: as in `set_work`.
    unsafe {
        asm!("mov gs:[{}], {}", const offset_of!(PerCpu, landing_pad), in(reg) address,
             options(nostack, preserves_flags));
    }
}

/// Makes `task` the running one: its stack is where the ways in start.
pub fn set_current(task: *const Task, kernel_rsp: u64, work: u32) {
    let cpu = CPU0.0.get();
    // SAFETY: interrupts are off in the kernel and no reference to the structure exists:
    // every other access goes through the instructions above.
    unsafe {
        (*cpu).kernel_rsp = kernel_rsp;
        (*cpu).work = work;
        (*cpu).current = task;
    }
}
