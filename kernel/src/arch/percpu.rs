//! Per-CPU data, addressed through GS base in the kernel.
//!
//! The entry stubs access it with a `gs:` operand before they have a stack: hence a structure with
//! fixed offsets, exported to the assembly. Only the boot CPU runs, so there is one.

use core::arch::asm;
use core::cell::UnsafeCell;
use core::mem::offset_of;

use x86_64::VirtAddr;
use x86_64::registers::model_specific::{GsBase, KernelGsBase};

// ANCHOR: per-cpu
/// Per-CPU data of the entry path, in one cache line.
#[repr(C, align(64))]
pub struct PerCpu {
    /// Top of the running task's kernel stack, where the entry stubs start to push.
    pub kernel_rsp: u64,
    /// Scratch for the program's rsp, between SYSCALL and the push to the frame.
    pub user_rsp: u64,
    /// [`work`] bits: work pending before a call or before the return to user mode.
    pub work: u32,
    /// The running thread (`sched/thread.rs`), whose type this floor doesn't know.
    pub current: *const (),
    /// Return address of SYSENTER and 32-bit SYSCALL, in the running program's vDSO; 0 without one.
    pub landing_pad: u64,
}
// ANCHOR_END: per-cpu

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
    /// The call log prints the running task's calls (`trace/`).
    pub const TRACE: u32 = 1 << 0;
    /// The scheduler should pick a task. Cleared by a switch.
    pub const RESCHEDULE: u32 = 1 << 1;
    /// The running task has a pending signal.
    pub const SIGNAL: u32 = 1 << 2;
    /// The program had TF set when SYSENTER took its #DB in the kernel: set TF again on return.
    pub const SINGLE_STEP: u32 = 1 << 3;
    /// The task's frame was edited (`sched/thread.rs`): leave by IRET, as SYSRET restores only a
    /// frame that is as the entry stub left it.
    pub const FRAME_EDITED: u32 = 1 << 4;
    /// The running task was interrupted, possibly in a restartable sequence (rseq(2)).
    pub const RSEQ: u32 = 1 << 6;
    /// The running task's ptrace tracer stops it at each call (PTRACE_SYSCALL).
    pub const PTRACE: u32 = 1 << 5;
    /// The kernel's memory reserve is not full: the next call refills it first (`mm/reserve.rs`).
    /// Machine-wide, so it survives a switch.
    pub const LOW_MEMORY: u32 = 1 << 7;
    /// There are pages to free in parts (`vm/leftovers.rs`), or waiters to wake (`sched/late.rs`).
    /// Machine-wide, so it survives a switch.
    pub const LEFTOVERS: u32 = 1 << 8;
    /// Work done before a call; the rest is done before the return to user mode.
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

/// GS base in the kernel: the address of this CPU's data.
pub fn base() -> u64 {
    CPU0.0.get() as u64
}

/// Sets GS base to this CPU's data, and the program's to 0.
pub fn init() {
    GsBase::write(VirtAddr::new(base()));
    KernelGsBase::write(VirtAddr::zero());
}

// ANCHOR: current
/// The running thread; null before the first.
pub fn current() -> *const () {
    let thread;
    // SAFETY: GS base is this CPU's `PerCpu` from `init` on; every entry stub restores it.
    unsafe {
        asm!("mov {}, gs:[{}]", out(reg) thread, const offset_of!(PerCpu, current),
             options(nostack, preserves_flags, readonly));
    }
    thread
}
// ANCHOR_END: current

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

/// Clears the bits in `BITS` for the running task.
#[inline(always)]
pub fn clear_work<const BITS: u32>() {
    // SAFETY: as in `set_work`.
    unsafe { asm!("and dword ptr gs:[{}], {}", const WORK, const !BITS, options(nostack)) };
}

/// Sets [`PerCpu::landing_pad`] for the running program.
pub fn set_landing_pad(address: u64) {
    // SAFETY: as in `set_work`.
    unsafe {
        asm!("mov gs:[{}], {}", const offset_of!(PerCpu, landing_pad), in(reg) address,
             options(nostack, preserves_flags));
    }
}

/// Makes `thread` the running thread, with the top of its kernel stack and its work bits.
pub fn set_current(thread: *const (), kernel_rsp: u64, work: u32) {
    let cpu = CPU0.0.get();
    // SAFETY: interrupts are off in the kernel and no reference to the structure exists:
    // every other access goes through the instructions above.
    unsafe {
        (*cpu).kernel_rsp = kernel_rsp;
        (*cpu).work = work;
        (*cpu).current = thread;
    }
}
