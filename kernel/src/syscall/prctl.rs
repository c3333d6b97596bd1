//! prctl(2): what C libraries, shells and tracers set and ask.
//!
//! Left out, with `EINVAL`: seccomp, speculation control, memory marks (PR_SET_MM is refused),
//! trapping RDTSC, core scheduling, names of memory areas. Dumpability is kept, and means nothing:
//! there are no core dumps.

use core::sync::atomic::Ordering;

use linux_raw_sys::prctl as linux;

use super::errno::{Errno, SysResult};
use crate::process::attributes::Attributes;
use crate::process::{current, signal};
use crate::usercopy::UserPtr;

/// Highest capability (CAP_LAST_CAP).
const LAST_CAPABILITY: u64 = 40;
/// PR_GET_AUXV of Linux 6.4.
const GET_AUXV: u32 = 0x4155_5856;
/// PR_TSC_ENABLE.
const TSC_ENABLE: u32 = 1;
/// SECBIT_KEEP_CAPS.
const KEEP_CAPS: usize = 1 << 4;
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
        linux::PR_SET_PDEATHSIG if a <= u64::from(signal::COUNT) => {
            set(&|own| own.parent_death_signal = a as u8)
        }
        linux::PR_GET_PDEATHSIG => int(task.attributes.lock().parent_death_signal.into()),
        linux::PR_SET_DUMPABLE if a <= 1 => {
            process.is_dumpable.store(a == 1, Ordering::Relaxed);
            Ok(0)
        }
        linux::PR_GET_DUMPABLE => Ok(process.is_dumpable.load(Ordering::Relaxed).into()),
        linux::PR_SET_KEEPCAPS if a <= 1 => set(&|own| own.keeps_capabilities = a == 1),
        linux::PR_GET_KEEPCAPS => Ok(task.attributes.lock().keeps_capabilities.into()),
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
        linux::PR_GET_TSC => int(TSC_ENABLE),
        linux::PR_SET_TSC if a == u64::from(TSC_ENABLE) => Ok(0),
        linux::PR_CAPBSET_READ if a <= LAST_CAPABILITY => Ok(1),
        // What every process may do follows from its user; nothing can be given up alone.
        linux::PR_CAPBSET_DROP if a <= LAST_CAPABILITY => Err(Errno::EPERM),
        linux::PR_CAP_AMBIENT => ambient(a, b, c, d),
        linux::PR_SET_SECUREBITS if a != 0 => Err(Errno::EPERM),
        linux::PR_SET_MM if !process.cred.lock().is_privileged() => Err(Errno::EPERM),
        linux::PR_MCE_KILL_GET if all_are_zero => Ok(MCE_KILL_DEFAULT),
        // As they are, and cannot be otherwise here.
        linux::PR_SET_TIMING | linux::PR_SET_THP_DISABLE if all_are_zero => Ok(0),
        linux::PR_GET_THP_DISABLE if all_are_zero => Ok(0),
        linux::PR_GET_SECUREBITS if task.attributes.lock().keeps_capabilities => Ok(KEEP_CAPS),
        linux::PR_GET_TIMING
        | linux::PR_GET_SECCOMP
        | linux::PR_GET_SECUREBITS
        | linux::PR_SET_SECUREBITS => Ok(0),
        _ => Err(Errno::EINVAL),
    }
}

fn set_name(at: u64) -> SysResult {
    let mut name = [0; 16];
    let got = UserPtr::<u8>::new(at).read_prefix(&mut name[..15]);
    let end = name[..got].iter().position(|byte| *byte == 0);
    if end.is_none() && got < 15 {
        return Err(Errno::EFAULT);
    }
    name[end.unwrap_or(15)..].fill(0);
    *current().comm.lock() = name;
    Ok(0)
}

/// PR_GET_AUXV: as much of the auxiliary vector as fits; returns how long it is.
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

/// PR_CAP_AMBIENT: there are none, and none can be had.
fn ambient(action: u64, capability: u64, c: u64, d: u64) -> SysResult {
    if c != 0 || d != 0 {
        return Err(Errno::EINVAL);
    }
    match action as u32 {
        linux::PR_CAP_AMBIENT_CLEAR_ALL if capability == 0 => Ok(0),
        _ if capability > LAST_CAPABILITY => Err(Errno::EINVAL),
        linux::PR_CAP_AMBIENT_IS_SET | linux::PR_CAP_AMBIENT_LOWER => Ok(0),
        linux::PR_CAP_AMBIENT_RAISE => Err(Errno::EPERM),
        _ => Err(Errno::EINVAL),
    }
}
