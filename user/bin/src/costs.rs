//! The measured operations, one function each.
//!
//! The loops contain only the entry instruction and the loads it needs, so that the cost is the
//! door's, not a wrapper's.

use core::arch::{asm, naked_asm};
use core::ptr;

use sys::numbers::{self, Call};
use sys::os::{self, PROT_READ, PROT_WRITE, Timespec};
use sys::vdso::Vdso;
use sys::{Door, call};

use crate::measure::{Cost, cost, first_touch};

/// `CLOCK_MONOTONIC`.
pub const MONOTONIC: i32 = 1;
/// `CLOCK_MONOTONIC_COARSE`.
pub const MONOTONIC_COARSE: i32 = 6;

#[unsafe(naked)]
extern "C" fn empty() {
    naked_asm!("ret")
}

/// A call of an empty function, for comparison.
pub fn function_call() -> Cost {
    // SAFETY: the function returns at once and changes no register.
    cost(|| unsafe { asm!("call {}", sym empty) })
}

/// `getpid` by `SYSCALL`.
#[cfg(target_arch = "x86_64")]
pub fn getpid_syscall() -> Cost {
    syscall_number(numbers::GETPID.x86_64)
}

/// Any call without arguments by `SYSCALL`.
#[cfg(target_arch = "x86_64")]
pub fn syscall_number(number: usize) -> Cost {
    // SAFETY: the callers pass getpid's number or an unassigned one: the call accesses no memory.
    cost(|| unsafe {
        asm!("syscall", inlateout("rax") number => _, out("rcx") _, out("r11") _, options(nostack));
    })
}

/// `getpid` by `INT 0x80`, from either width.
pub fn getpid_int80() -> Cost {
    int80_number(numbers::GETPID.i386)
}

/// Any call without arguments by `INT 0x80`.
pub fn int80_number(number: usize) -> Cost {
    // SAFETY: as above; the interrupt only changes eax.
    cost(|| unsafe { asm!("int 0x80", inlateout("eax") number => _, options(nostack)) })
}

/// `getpid` through `__kernel_vsyscall`, which must exist.
#[cfg(target_arch = "x86")]
pub fn getpid_vsyscall() -> Cost {
    vsyscall_number(numbers::GETPID.i386)
}

/// Any call without arguments through `__kernel_vsyscall`, which must exist.
#[cfg(target_arch = "x86")]
pub fn vsyscall_number(number: usize) -> Cost {
    cost(|| {
        // SAFETY: the callers pass getpid's number or an unassigned one: the call accesses no
        // memory.
        unsafe { sys::sysenter::number(number) };
    })
}

/// `clock_gettime(MONOTONIC)` by the native door.
pub fn clock_gettime_entered() -> Cost {
    let mut now = Timespec::default();
    let now = ptr::from_mut(&mut now) as usize;
    native(
        numbers::CLOCK_GETTIME,
        [MONOTONIC as usize, now, 0, 0, 0, 0],
    )
}

/// One byte of `/dev/zero` by the native door.
pub fn read_zero() -> Cost {
    let mut byte = 0_u8;
    let Ok(fd) = os::open(c"/dev/zero", os::O_RDONLY) else {
        return Cost(0);
    };
    let cost = native(
        numbers::READ,
        [fd, ptr::from_mut(&mut byte) as usize, 1, 0, 0, 0],
    );
    let _ = os::close(fd); // opened for reading: no data to lose
    cost
}

/// A `write` of 0 bytes to standard output by the native door.
pub fn write_empty() -> Cost {
    native(numbers::WRITE, [1, c"".as_ptr() as usize, 0, 0, 0, 0])
}

#[inline(always)]
fn native(which: Call, args: [usize; 6]) -> Cost {
    let number = Door::NATIVE.number(which);
    cost(|| {
        // SAFETY: the callers' calls write only to their own variables.
        let _ = unsafe { call(Door::NATIVE, number, args) };
    })
}

/// The first access to a page of anonymous memory.
pub fn page_touch() -> Cost {
    const PAGES: usize = 64;
    first_touch(
        PAGES,
        || os::map_anonymous(PAGES * 4096, PROT_READ | PROT_WRITE).unwrap_or(0),
        |base| {
            // SAFETY: the range is the measurement's own.
            let _ = unsafe { os::munmap(base, PAGES * 4096) };
        },
    )
}

/// `clock_gettime(id)` by the vDSO; `None` if it has none.
pub fn vdso_clock_gettime(vdso: &Vdso, id: i32) -> Option<Cost> {
    let function = vdso.clock_gettime?;
    let mut now = Timespec::default();
    Some(cost(|| {
        // SAFETY: the vDSO's function writes one timespec, to `now`.
        let _ = unsafe { function(id, &mut now) };
    }))
}

/// `gettimeofday` by the vDSO.
pub fn vdso_gettimeofday(vdso: &Vdso) -> Option<Cost> {
    let function = vdso.gettimeofday?;
    let mut now = [0; 2];
    Some(cost(|| {
        // SAFETY: the vDSO's function writes one timeval, to `now`; the zone may be null.
        let _ = unsafe { function(&mut now, ptr::null_mut()) };
    }))
}

/// `time` by the vDSO.
pub fn vdso_time(vdso: &Vdso) -> Option<Cost> {
    let function = vdso.time?;
    Some(cost(|| {
        // SAFETY: with a null pointer the vDSO's function writes nothing.
        let _ = unsafe { function(ptr::null_mut()) };
    }))
}

/// `getcpu` by the vDSO.
pub fn vdso_getcpu(vdso: &Vdso) -> Option<Cost> {
    let function = vdso.getcpu?;
    let mut cpu = 0;
    Some(cost(|| {
        // SAFETY: the vDSO's function writes the CPU's number to `cpu`; the node may be null.
        let _ = unsafe { function(&mut cpu, ptr::null_mut(), 0) };
    }))
}
