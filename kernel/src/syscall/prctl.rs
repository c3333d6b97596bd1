//! prctl(2): the options that C libraries, shells and tracers use.
//!
//! Left out, with `EINVAL`: seccomp, speculation control, PR_SET_MM, core scheduling, names of
//! memory areas (PR_SET_VMA). There are no core dumps.

use core::sync::atomic::Ordering;

use linux_raw_sys::prctl as linux;

use super::capability;
use crate::abi::capability::{Caps, SecureBits};
use crate::abi::errno::{Errno, SysResult};
use crate::abi::signal::NSIG;
use crate::process::attributes::Attributes;
use crate::process::capability::capable;
use crate::process::current;
use crate::usercopy::UserPtr;

/// PR_GET_AUXV of Linux 6.4.
const GET_AUXV: u32 = 0x4155_5856;
/// PR_MCE_KILL_DEFAULT.
const MCE_KILL_DEFAULT: usize = 2;

/// prctl(2).
pub fn prctl(option: u32, a: u64, b: u64, c: u64, d: u64) -> SysResult {
    let task = current();
    let process = &task.process;
    let rest_is_zero = b == 0 && c == 0 && d == 0;
    let all_are_zero = a == 0 && rest_is_zero;
    let set = |f: &dyn Fn(&mut Attributes)| {
        f(&mut task.attributes.lock());
        Ok(0)
    };
    let int = |value: u32| UserPtr::<u32>::new(a).write(value).map(|()| 0);
    match option {
        linux::PR_SET_NAME => set_name(a),
        linux::PR_GET_NAME => {
            let name = *task.comm.lock();
            UserPtr::<[u8; 16]>::new(a).write(name).map(|()| 0)
        }
        linux::PR_SET_PDEATHSIG if a <= u64::from(NSIG) => {
            set(&|own| own.parent_death_signal = a as u8)
        }
        linux::PR_GET_PDEATHSIG => {
            let signo = task.attributes.lock().parent_death_signal;
            int(signo.into())
        }
        linux::PR_SET_DUMPABLE if a <= 1 => {
            process.is_dumpable.store(a == 1, Ordering::Relaxed);
            Ok(0)
        }
        linux::PR_GET_DUMPABLE => Ok(process.is_dumpable.load(Ordering::Relaxed).into()),
        linux::PR_SET_KEEPCAPS => capability::keep(a),
        linux::PR_GET_KEEPCAPS => Ok(task
            .cred()
            .secure_bits
            .contains(SecureBits::KEEP_CAPS)
            .into()),
        linux::PR_SET_TIMERSLACK => set(&|own| {
            own.slack = if a == 0 { own.default_slack } else { a };
        }),
        linux::PR_GET_TIMERSLACK => Ok(task.attributes.lock().slack as usize),
        linux::PR_SET_CHILD_SUBREAPER => {
            process.is_subreaper.store(a != 0, Ordering::Relaxed);
            Ok(0)
        }
        linux::PR_GET_CHILD_SUBREAPER => int(process.is_subreaper.load(Ordering::Relaxed).into()),
        linux::PR_SET_NO_NEW_PRIVS if a == 1 && rest_is_zero => set(&|own| own.no_new_privs = true),
        linux::PR_GET_NO_NEW_PRIVS if all_are_zero => {
            Ok(task.attributes.lock().no_new_privs.into())
        }
        linux::PR_GET_TID_ADDRESS => {
            let address = task.clear_child_tid.load(Ordering::Relaxed);
            if task.is_i386_call() {
                UserPtr::<u32>::new(a).write(address as u32).map(|()| 0)
            } else {
                UserPtr::<u64>::new(a).write(address).map(|()| 0)
            }
        }
        GET_AUXV if c == 0 && d == 0 => auxiliary_vector(a, b as usize),
        linux::PR_GET_TSC if task.tsc_traps() => int(linux::PR_TSC_SIGSEGV),
        linux::PR_GET_TSC => int(linux::PR_TSC_ENABLE),
        linux::PR_SET_TSC if matches!(a as u32, linux::PR_TSC_ENABLE | linux::PR_TSC_SIGSEGV) => {
            task.set_tsc_traps(a as u32 == linux::PR_TSC_SIGSEGV);
            Ok(0)
        }
        linux::PR_CAPBSET_READ => capability::is_bounding(a),
        linux::PR_CAPBSET_DROP => capability::drop_bounding(a),
        linux::PR_CAP_AMBIENT if c == 0 && d == 0 => capability::ambient(a, b),
        linux::PR_SET_SECUREBITS => capability::set_secure_bits(a),
        linux::PR_GET_SECUREBITS => Ok(task.cred().secure_bits.bits() as usize),
        linux::PR_SET_MM if !capable(Caps::SYS_RESOURCE) => Err(Errno::EPERM),
        linux::PR_MCE_KILL_GET if all_are_zero => Ok(MCE_KILL_DEFAULT),
        // The only values that the kernel supports.
        linux::PR_SET_TIMING | linux::PR_SET_THP_DISABLE if all_are_zero => Ok(0),
        linux::PR_GET_THP_DISABLE if all_are_zero => Ok(0),
        linux::PR_GET_TIMING | linux::PR_GET_SECCOMP => Ok(0),
        _ => Err(Errno::EINVAL),
    }
}

/// PR_SET_NAME: up to 15 bytes, NUL-terminated.
fn set_name(at: u64) -> SysResult {
    let mut name = [0; 16];
    let got = UserPtr::<u8>::new(at).read_prefix(&mut name[..15]);
    let end = name[..got].iter().position(|byte| *byte == 0);
    if end.is_none() && got < 15 {
        return Err(Errno::EFAULT);
    }
    name[end.unwrap_or(15)..].fill(0);
    current().comm.set(name);
    Ok(0)
}

/// PR_GET_AUXV: writes the auxiliary vector, truncated to `size` bytes; returns its full length.
fn auxiliary_vector(at: u64, size: usize) -> SysResult {
    let mm = current().mm().ok_or(Errno::ESRCH)?;
    let auxv = mm.lock().auxv.clone();
    let is_32bit = current().frame().is_compat();
    let mut bytes = alloc::vec::Vec::new();
    for (kind, value) in auxv {
        for word in [kind, value] {
            if is_32bit {
                bytes.extend_from_slice(&(word as u32).to_ne_bytes());
            } else {
                bytes.extend_from_slice(&word.to_ne_bytes());
            }
        }
    }
    let len = bytes.len();
    UserPtr::<u8>::new(at).write_slice(&bytes[..len.min(size)])?;
    Ok(len)
}
