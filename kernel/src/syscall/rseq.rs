//! rseq(2): registration of a thread's restartable sequences. The work is in `process/rseq.rs`.

use crate::abi::errno::{Errno, SysResult};
use crate::mm::layout::TASK_SIZE;
use crate::process::current;
use crate::process::rseq;
use crate::process::task::RseqRegistration;

/// RSEQ_FLAG_UNREGISTER.
const UNREGISTER: u32 = 1;
/// Size in bytes and alignment of the first version of struct rseq (ORIG_RSEQ_SIZE).
const SIZE: u32 = 32;

/// rseq(2).
pub fn rseq(address: u64, len: u32, flags: u32, signature: u32) -> SysResult {
    let now = current().rseq();
    let same = |old: &RseqRegistration| old.address == address && old.len == len;
    if flags & UNREGISTER != 0 {
        let old = now
            .filter(|old| flags == UNREGISTER && same(old))
            .ok_or(Errno::EINVAL)?;
        if old.signature != signature {
            return Err(Errno::EPERM);
        }
        return rseq::unregister(old).map(|()| 0);
    }
    if flags != 0 {
        return Err(Errno::EINVAL);
    }
    if let Some(old) = now {
        return Err(match same(&old) {
            false => Errno::EINVAL,
            true if old.signature != signature => Errno::EPERM,
            true => Errno::EBUSY,
        });
    }
    if len < SIZE || !address.is_multiple_of(SIZE.into()) {
        return Err(Errno::EINVAL);
    }
    if address >= TASK_SIZE - u64::from(len) {
        return Err(Errno::EFAULT);
    }
    rseq::register(RseqRegistration {
        address,
        len,
        signature,
    });
    Ok(0)
}
