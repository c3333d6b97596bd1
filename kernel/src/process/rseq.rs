//! Restartable sequences (rseq(2), kernel/rseq.c): a short critical section in user mode that
//! continues at its abort handler if it is interrupted.
//!
//! The C library registers a `struct rseq` for each thread. The kernel writes the number of the CPU
//! there, always 0 here. After a switch and before a signal it reads the address of the present
//! sequence from it. Left out: flags that inhibit the restart (removed from Linux too), and
//! CONFIG_DEBUG_RSEQ, which checks for system calls in critical sections.

use super::current;
use super::task::RseqRegistration;
use crate::abi::errno::Errno;
use crate::abi::signal::{SIGSEGV, SigInfo};
use crate::arch::percpu::{self, work};
use crate::mm::layout::TASK_SIZE;
use crate::process::signal;
use crate::usercopy::{UserPtr, Window};

// Offsets in `struct rseq`, which begins with cpu_id_start and cpu_id.
const CPU_IDS: usize = 0;
const SEQUENCE: usize = 8;
const NODE_ID: usize = 20;
const MM_CID: usize = 24;

/// Bytes of `struct rseq` that the kernel supports, up to `mm_cid` (AT_RSEQ_FEATURE_SIZE).
pub const FEATURE_SIZE: u64 = 28;
/// Alignment of `struct rseq` (AT_RSEQ_ALIGN).
pub const ALIGN: u64 = 32;

/// `cpu_id` of a thread that isn't registered (RSEQ_CPU_ID_UNINITIALIZED).
const NO_CPU: u32 = u32::MAX;

/// Registers a structure for the running thread. The CPU's number is written before the return to
/// user mode.
pub fn register(registration: RseqRegistration) {
    current().set_rseq(Some(registration));
    percpu::set_work(work::RSEQ);
}

/// Removes the running thread's registration.
///
/// # Errors
/// `EFAULT` if the structure can't be written.
pub fn unregister(registration: RseqRegistration) -> Result<(), Errno> {
    write_ids(registration.address, NO_CPU)?;
    current().set_rseq(None);
    Ok(())
}

fn write_ids(address: u64, cpu: u32) -> Result<(), Errno> {
    let mut out = IdWindow::open(address)?;
    put_ids(&mut out, cpu);
    out.close()
}

/// The part of `struct rseq` that the kernel supports, in user memory.
type IdWindow = Window<{ FEATURE_SIZE as usize }>;

#[inline(always)]
fn put_ids(out: &mut IdWindow, cpu: u32) {
    out.put::<CPU_IDS>(u64::from(cpu) << 32);
    // node_id and mm_cid.
    const { assert!(MM_CID == NODE_ID + 4) };
    out.put::<NODE_ID>(0);
}

/// Updates the running thread's `struct rseq`, and moves rip to the abort handler if it is in a
/// sequence. Called before the return to user mode, and before rip is saved in a signal frame.
/// Raises SIGSEGV if the structures are invalid or can't be accessed (rseq_handle_notify_resume).
pub fn resume() {
    percpu::clear_work::<{ work::RSEQ }>();
    let Some(registration) = current().rseq() else {
        return;
    };
    if update(&registration).is_err() {
        signal::force(&SigInfo::kernel(SIGSEGV));
    }
}

#[inline]
fn update(registration: &RseqRegistration) -> Result<(), Errno> {
    let mut area = IdWindow::open(registration.address)?;
    let sequence = area.get::<SEQUENCE>();
    if sequence == 0 {
        // Nothing is written if the word couldn't be read.
        if !area.has_failed() {
            put_ids(&mut area, 0);
        }
        return area.close();
    }
    area.close()?;
    abort_sequence(registration, sequence)?;
    write_ids(registration.address, 0)
}

/// Moves rip to the abort handler if it is in the sequence that `sequence` points to.
#[cold]
fn abort_sequence(registration: &RseqRegistration, sequence: u64) -> Result<(), Errno> {
    // struct rseq_cs: version and flags, start, length, abort handler.
    let [head, start, length, abort]: [u64; 4] = UserPtr::new(sequence).read()?;
    let end = start.checked_add(length).ok_or(Errno::EINVAL)?;
    let is_valid = head as u32 == 0
        && [start, end, abort].iter().all(|at| *at < TASK_SIZE)
        && abort.wrapping_sub(start) >= length;
    if !is_valid {
        return Err(Errno::EINVAL);
    }
    let signature: u32 = UserPtr::new(abort.wrapping_sub(4)).read()?;
    if signature != registration.signature {
        return Err(Errno::EINVAL);
    }
    let slot = registration.address.wrapping_add(SEQUENCE as u64);
    UserPtr::<u64>::new(slot).write(0)?;
    let task = current();
    if task.frame().rip.wrapping_sub(start) < length {
        task.edit_frame(|frame| frame.rip.set(abort));
    }
    Ok(())
}
