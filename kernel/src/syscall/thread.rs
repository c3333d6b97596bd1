//! A thread's own state: name, thread-local storage, what is done when it ends.

use core::sync::atomic::Ordering;

use linux_raw_sys::prctl as linux_prctl;

use super::errno::{Errno, SysResult};
use crate::arch::gdt::{self, TLS_FIRST};
use crate::arch::segments;
use crate::mm::layout::TASK_SIZE;
use crate::process::current;
use crate::usercopy::UserPtr;

/// arch_prctl(2) codes (arch/x86/include/uapi/asm/prctl.h).
const ARCH_SET_GS: u32 = 0x1001;
const ARCH_SET_FS: u32 = 0x1002;
const ARCH_GET_FS: u32 = 0x1003;
const ARCH_GET_GS: u32 = 0x1004;

/// set_tid_address(2).
pub fn set_tid_address(address: u64) -> SysResult {
    let task = current();
    task.clear_child_tid.store(address, Ordering::Relaxed);
    Ok(task.tid() as usize)
}

/// set_robust_list(2). `size` is that of struct robust_list_head.
pub fn set_robust_list(head: u64, size: usize) -> SysResult {
    let task = current();
    if size != if task.is_i386_call() { 12 } else { 24 } {
        return Err(Errno::EINVAL);
    }
    task.robust_list.store(head, Ordering::Relaxed);
    Ok(0)
}

/// arch_prctl(2): FS and GS bases. CPUID faulting and CET are not offered.
pub fn arch_prctl(code: u32, address: u64) -> SysResult {
    let slot = UserPtr::<u64>::new(address);
    match code {
        ARCH_SET_FS | ARCH_SET_GS if address >= TASK_SIZE => return Err(Errno::EPERM),
        ARCH_SET_FS => segments::set_fs_base(address),
        ARCH_SET_GS => segments::set_gs_base(address),
        ARCH_GET_FS => slot.write(segments::fs_base())?,
        ARCH_GET_GS => slot.write(segments::gs_base())?,
        _ => return Err(Errno::EINVAL),
    }
    Ok(0)
}

/// arch_prctl(2) of 32-bit programs knows none of the codes above.
pub fn arch_prctl32(_code: u32, _address: u64) -> SysResult {
    Err(Errno::EINVAL)
}

/// set_thread_area(2): writes one of the thread's three GDT entries (struct user_desc).
pub fn set_thread_area(desc: UserPtr<[u32; 4]>) -> SysResult {
    let [entry, base, limit, bits] = desc.read()?;
    let task = current();
    let mut tls = task.tls.lock();
    let slot = match entry {
        u32::MAX => tls.iter().position(|d| *d == 0).ok_or(Errno::ESRCH)?,
        n => (n as usize)
            .checked_sub(TLS_FIRST)
            .filter(|slot| *slot < tls.len())
            .ok_or(Errno::EINVAL)?,
    };
    let descriptor = tls_descriptor(base, limit, bits)?;
    tls[slot] = descriptor;
    gdt::set_tls(&tls);
    drop(tls);
    if entry == u32::MAX {
        desc.cast::<u32>().write((TLS_FIRST + slot) as u32)?;
    }
    Ok(0)
}

/// get_thread_area(2): what such an entry says, as struct user_desc.
pub fn get_thread_area(desc: UserPtr<[u32; 4]>) -> SysResult {
    let [entry, ..] = desc.read()?;
    let slot = (entry as usize).checked_sub(TLS_FIRST);
    let tls = *current().tls.lock();
    let descriptor = *slot.and_then(|slot| tls.get(slot)).ok_or(Errno::EINVAL)?;
    let bit = |n: u32| (descriptor >> n & 1) as u32;
    let base = descriptor >> 16 & 0xff_ffff | descriptor >> 32 & 0xff00_0000;
    let limit = descriptor & 0xffff | descriptor >> 32 & 0xf_0000;
    // The kind's bit 1 is "writable", bits 2 and 3 are the contents.
    let bits = bit(54)
        | bit(42) << 1
        | bit(43) << 2
        | (bit(41) ^ 1) << 3
        | bit(55) << 4
        | (bit(47) ^ 1) << 5
        | bit(52) << 6;
    desc.write([entry, base as u32, limit as u32, bits])
        .map(|()| 0)
}

/// The GDT entry that struct user_desc's words describe; 0 for an empty one
/// (arch/x86/kernel/tls.c: fill_desc, tls_desc_okay).
fn tls_descriptor(base: u32, limit: u32, bits: u32) -> Result<u64, Errno> {
    let bit = |n: u32| u64::from(bits >> n & 1);
    let (seg_32bit, contents, read_exec_only) = (bit(0), u64::from(bits >> 1 & 3), bit(3));
    let (limit_in_pages, not_present, useable) = (bit(4), bit(5), bit(6));
    let is_empty = base == 0 && limit == 0 && (bits & 0x7f == 0x28 || bits & 0x7f == 0);
    if is_empty {
        return Ok(0);
    }
    // 16-bit stacks, code and not-present segments are refused: each is a way to make IRET
    // fault or leak.
    if seg_32bit == 0 || contents > 1 || not_present != 0 {
        return Err(Errno::EINVAL);
    }
    let (base, limit) = (u64::from(base), u64::from(limit));
    let kind = (read_exec_only ^ 1) << 1 | contents << 2 | 1;
    Ok(limit & 0xffff
        | (base & 0xff_ffff) << 16
        | kind << 40
        | 1 << 44
        | 3 << 45
        | 1 << 47
        | (limit >> 16 & 0xf) << 48
        | useable << 52
        | seg_32bit << 54
        | limit_in_pages << 55
        | (base >> 24 & 0xff) << 56)
}

/// personality(2): PER_LINUX without any of its quirks, or the question for it (0xffffffff).
pub fn personality(persona: u32) -> SysResult {
    if matches!(persona, 0 | u32::MAX) {
        Ok(0)
    } else {
        Err(Errno::EINVAL)
    }
}

/// prctl(2): the name, and what C libraries ask at their start.
pub fn prctl(option: u32, a: u64, _b: u64, _c: u64, _d: u64) -> SysResult {
    let task = current();
    match option {
        linux_prctl::PR_SET_NAME => {
            let mut name = [0; 16];
            let got = UserPtr::<u8>::new(a).read_prefix(&mut name[..15]);
            let end = name[..got].iter().position(|byte| *byte == 0);
            if end.is_none() && got < 15 {
                return Err(Errno::EFAULT);
            }
            name[end.unwrap_or(15)..].fill(0);
            *task.comm.lock() = name;
            Ok(0)
        }
        linux_prctl::PR_GET_NAME => {
            let name = *task.comm.lock();
            UserPtr::<[u8; 16]>::new(a).write(name).map(|()| 0)
        }
        // No capabilities are dropped and nothing dumps core here.
        linux_prctl::PR_GET_DUMPABLE => Ok(1),
        linux_prctl::PR_SET_DUMPABLE if a <= 1 => Ok(0),
        linux_prctl::PR_CAPBSET_READ if a <= 40 => Ok(1),
        linux_prctl::PR_GET_NO_NEW_PRIVS | linux_prctl::PR_GET_KEEPCAPS => Ok(0),
        _ => Err(Errno::EINVAL),
    }
}
