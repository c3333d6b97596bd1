//! Thread-local storage: a GDT entry (32-bit programs) or a segment base (64-bit programs).

use super::memory::change_mm;
use crate::abi::errno::{Errno, SysResult};
use crate::arch::gdt::{self, TLS_FIRST};
use crate::arch::segments;
use crate::arch::user_desc::UserDesc;
use crate::mm::layout::TASK_SIZE;
use crate::process::{Task, current};
use crate::usercopy::UserPtr;
use crate::vm::vdso;

/// arch_prctl(2) codes (arch/x86/include/uapi/asm/prctl.h).
const ARCH_SET_GS: u32 = 0x1001;
const ARCH_SET_FS: u32 = 0x1002;
const ARCH_GET_FS: u32 = 0x1003;
const ARCH_GET_GS: u32 = 0x1004;
const ARCH_GET_CPUID: u32 = 0x1011;
const ARCH_SET_CPUID: u32 = 0x1012;
// ARCH_MAP_VDSO_X32 is left out: x32 programs are not supported.
const ARCH_MAP_VDSO_32: u32 = 0x2002;
const ARCH_MAP_VDSO_64: u32 = 0x2003;

/// arch_prctl(2): FS and GS bases, and a new mapping of the vDSO. Setting a base sets the selector
/// to null, as the base is no longer a descriptor's.
pub fn arch_prctl(code: u32, address: u64) -> SysResult {
    let slot = UserPtr::<u64>::new(address);
    match code {
        ARCH_SET_FS | ARCH_SET_GS if address >= TASK_SIZE => return Err(Errno::EPERM),
        ARCH_SET_FS => segments::set_fs(0, address),
        ARCH_SET_GS => segments::set_gs(0, address),
        ARCH_GET_FS => slot.write(segments::fs_base())?,
        ARCH_GET_GS => slot.write(segments::gs_base())?,
        ARCH_MAP_VDSO_32 | ARCH_MAP_VDSO_64 => {
            let is_32bit = code == ARCH_MAP_VDSO_32;
            return change_mm(|mm| vdso::map_once(mm, is_32bit, address)).map(|size| size as usize);
        }
        _ => return arch_prctl32(code, address),
    }
    Ok(0)
}

/// arch_prctl(2), i386: the codes of both tables (do_arch_prctl_common). CPUID faulting is not
/// supported.
pub fn arch_prctl32(code: u32, _address: u64) -> SysResult {
    match code {
        ARCH_GET_CPUID => Ok(1),
        ARCH_SET_CPUID => Err(Errno::ENODEV),
        _ => Err(Errno::EINVAL),
    }
}

/// set_thread_area(2): writes one of the thread's three GDT entries.
pub fn set_thread_area(desc: UserPtr<[u32; 4]>) -> SysResult {
    let wanted = UserDesc::from_words(desc.read()?);
    let task = current();
    let descriptor = tls_descriptor(wanted)?;
    let slot = if wanted.entry == u32::MAX {
        let free = task.tls.lock().iter().position(|d| *d == 0);
        let slot = free.ok_or(Errno::ESRCH)?;
        // The slot stays free during the copy: only the thread itself sets its entries.
        desc.cast::<u32>().write((TLS_FIRST + slot) as u32)?;
        slot
    } else {
        tls_slot(wanted.entry)?
    };
    let mut tls = task.tls.lock();
    tls[slot] = descriptor;
    gdt::set_tls(&tls);
    drop(tls);
    let changed = ((TLS_FIRST + slot) << 3 | 3) as u16;
    segments::reload(|selector| selector == changed);
    Ok(0)
}

/// get_thread_area(2): reads one of the entries.
pub fn get_thread_area(desc: UserPtr<[u32; 4]>) -> SysResult {
    let [entry, ..] = desc.read()?;
    read_area(&current(), entry, desc).map(|()| 0)
}

/// Reads a GDT entry of a stopped thread (do_get_thread_area).
///
/// # Errors
/// `EINVAL` for an entry that is not one of the three, `EFAULT`.
pub fn read_area(task: &Task, entry: u32, desc: UserPtr<[u32; 4]>) -> Result<(), Errno> {
    let descriptor = task.tls.lock()[tls_slot(entry)?];
    desc.write(UserDesc::from_descriptor(entry, descriptor).words())
}

/// Writes a GDT entry of a stopped thread. FS and GS get the new base if their selector refers to
/// it (do_set_thread_area).
///
/// # Errors
/// `EFAULT`; `EINVAL` as for [`set_thread_area`].
pub fn write_area(task: &Task, entry: u32, desc: UserPtr<[u32; 4]>) -> Result<(), Errno> {
    let descriptor = tls_descriptor(UserDesc::from_words(desc.read()?))?;
    let slot = tls_slot(entry)?;
    task.tls.lock()[slot] = descriptor;
    task.segments.lock().take_base(slot, descriptor);
    Ok(())
}

/// TLS slot, 0 to 2, of an index in the GDT.
///
/// # Errors
/// `EINVAL` for another index.
pub fn tls_slot(entry: u32) -> Result<usize, Errno> {
    (entry as usize)
        .checked_sub(TLS_FIRST)
        .filter(|slot| *slot < 3)
        .ok_or(Errno::EINVAL)
}

/// Descriptor of a struct user_desc; 0 for an empty one.
///
/// # Errors
/// `EINVAL` for a segment that TLS can't use (tls_desc_okay).
pub fn tls_descriptor(desc: UserDesc) -> Result<u64, Errno> {
    desc.tls_descriptor().ok_or(Errno::EINVAL)
}
