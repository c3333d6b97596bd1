//! Restartable sequences (rseq(2)): a thread tells the kernel of a few instructions that must not
//! be interrupted halfway; if they are, it goes on at their abort handler (kernel/rseq.c).
//!
//! The C library registers a structure for each thread. In it the kernel keeps the number of the
//! CPU, which is always 0 here, and looks for the sequence that the thread is in whenever another
//! task ran or a signal comes. Left out: flags that spare a sequence the restart (gone from Linux
//! too), and the debugging of critical sections that make system calls.

use crate::abi::errno::Errno;
use crate::abi::frame::Frame;
use crate::arch::percpu::{self, work};
use crate::mm::layout::TASK_SIZE;
use crate::process::signal::{self, SIGSEGV, SigInfo};
use crate::process::{Task, current};
use crate::usercopy::UserPtr;

/// What a thread registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Its `struct rseq`.
    pub address: u64,
    /// Bytes of it.
    pub len: u32,
    /// The word that precedes every abort handler.
    pub signature: u32,
}

// Offsets in `struct rseq`: cpu_id_start and cpu_id lie at its beginning.
const SEQUENCE: u64 = 8;
const NODE_ID: u64 = 20;

/// Bytes of `struct rseq` that the kernel knows of, up to `mm_cid` (AT_RSEQ_FEATURE_SIZE).
pub const FEATURE_SIZE: u64 = 28;
/// Its alignment (AT_RSEQ_ALIGN).
pub const ALIGN: u64 = 32;

/// `cpu_id` of a thread that isn't registered (RSEQ_CPU_ID_UNINITIALIZED).
const NO_CPU: u32 = u32::MAX;

/// Registers for the running thread; the CPU's number is filled in on the way out.
pub fn register(registration: Registration) {
    current().rseq.set(Some(registration));
    percpu::set_work(work::RSEQ);
}

/// Takes the running thread's registration back.
///
/// # Errors
/// `EFAULT` if the structure can't be written.
pub fn unregister(registration: Registration) -> Result<(), Errno> {
    write_ids(registration.address, NO_CPU)?;
    current().rseq.set(None);
    Ok(())
}

fn write_ids(address: u64, cpu: u32) -> Result<(), Errno> {
    UserPtr::<[u32; 2]>::new(address).write([0, cpu])?;
    // The node, and the CPU's number among those that the program uses.
    UserPtr::<[u32; 2]>::new(address.wrapping_add(NODE_ID)).write([0, 0])
}

/// The [`work`] that a task has on its way back because others ran meanwhile.
pub fn work_after_switch(task: &Task) -> u32 {
    if task.rseq.lock().is_some() {
        work::RSEQ
    } else {
        0
    }
}

/// Called on the way back to the program, and before a signal's frame keeps where it was: leaves a
/// sequence that was interrupted by way of its abort handler. What can't be read is SIGSEGV.
pub fn resume(frame: &mut Frame) {
    percpu::clear_work(work::RSEQ);
    let registration = *current().rseq.lock();
    let Some(registration) = registration else {
        return;
    };
    let done =
        leave_sequence(frame, &registration).and_then(|()| write_ids(registration.address, 0));
    if done.is_err() {
        signal::force(&SigInfo::kernel(SIGSEGV));
    }
}

fn leave_sequence(frame: &mut Frame, registration: &Registration) -> Result<(), Errno> {
    let slot = UserPtr::<u64>::new(registration.address.wrapping_add(SEQUENCE));
    let sequence = slot.read()?;
    if sequence == 0 {
        return Ok(());
    }
    // version and flags, start, length, abort handler.
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
    slot.write(0)?;
    if frame.rip.wrapping_sub(start) < length {
        frame.rip = abort;
        percpu::set_work(work::IRET);
    }
    Ok(())
}
