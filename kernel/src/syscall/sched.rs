//! sched_yield(2) and CPU affinity: CPU 0 is the only CPU. Policies are in `sched_policy.rs`.

use alloc::sync::Arc;

use super::argument::Word;
use crate::abi::cred::Credentials;
use crate::abi::errno::{Errno, SysResult};
use crate::process::{current, table};
use crate::sched::run_queue;
use crate::usercopy::UserPtr;

/// Credentials of thread `pid` (0: the caller).
///
/// # Errors
/// `ESRCH`, also for a negative number, as these two calls don't check the sign.
fn credentials_of(pid: i32) -> Result<Arc<Credentials>, Errno> {
    match u32::try_from(pid) {
        Ok(0) => Ok(current().cred()),
        Ok(tid) => table::credentials(tid),
        Err(_) => Err(Errno::ESRCH),
    }
}

/// sched_yield(2).
pub fn sched_yield() -> SysResult {
    run_queue::yield_fairly();
    Ok(0)
}

/// sched_getaffinity(2): CPU 0. Returns the number of bytes written, where the C library returns 0.
pub fn sched_getaffinity<W: Word>(pid: i32, len: u32, mask: UserPtr<u8>) -> SysResult {
    let word = size_of::<W>();
    // Linux converts the length to a 32-bit number of bits.
    if len.wrapping_mul(8) == 0 || !(len as usize).is_multiple_of(word) {
        return Err(Errno::EINVAL);
    }
    credentials_of(pid)?;
    let mut bits = [0; 8];
    bits[0] = 1;
    mask.write_slice(&bits[..word]).map(|()| word)
}

/// sched_setaffinity(2): the set must contain CPU 0. A shorter set than one word is extended by
/// zeros, of a longer one only the first word counts (get_user_cpu_mask in kernel/sched/core.c).
pub fn sched_setaffinity(pid: i32, len: u32, mask: UserPtr<u8>) -> SysResult {
    let mut bits = [0; 8];
    let given = bits.len().min(len as usize);
    mask.read_into(&mut bits[..given])?;
    let first = bits[0];
    let owner = credentials_of(pid)?;
    if !current().cred().may_schedule(&owner) {
        return Err(Errno::EPERM);
    }
    if first & 1 == 0 {
        Err(Errno::EINVAL)
    } else {
        Ok(0)
    }
}
