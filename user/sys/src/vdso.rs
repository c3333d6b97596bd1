//! The vDSO: system calls that don't enter the kernel.
//!
//! The kernel maps a small shared library into every program and passes its address in the
//! auxiliary vector (`AT_SYSINFO_EHDR`). Its functions read the time from a page that the kernel
//! updates, so that reading a clock costs a function call. C libraries find them like this file: by
//! name and version in the image's symbol table.
//!
//! They are C functions that return `-errno`, named `__vdso_clock_gettime` and so on; the 32-bit
//! image also has `__vdso_clock_gettime64` for 64-bit times, and `__kernel_vsyscall` (see
//! `sysenter.rs`).

use core::mem::transmute;

use crate::elf_image::Image;
use crate::env::{AT_SYSINFO_EHDR, Env};
use crate::os::Timespec;

/// The version of all the functions.
pub const VERSION: &str = "LINUX_2.6";

/// `clock_gettime(id, time)`: 0 or `-errno`.
pub type ClockGettime = unsafe extern "C" fn(i32, *mut Timespec) -> i32;
/// `clock_gettime64(id, time)`: with 64-bit seconds, in the 32-bit image.
pub type ClockGettime64 = unsafe extern "C" fn(i32, *mut [i64; 2]) -> i32;
/// `clock_getres(id, resolution)`: 0 or `-errno`; the pointer may be null.
pub type ClockGetres = unsafe extern "C" fn(i32, *mut Timespec) -> i32;
/// `gettimeofday(seconds and microseconds, zone)`: either pointer may be null.
pub type Gettimeofday = unsafe extern "C" fn(*mut [isize; 2], *mut [i32; 2]) -> i32;
/// `time(seconds)`: the seconds; the pointer may be null.
pub type Time = unsafe extern "C" fn(*mut isize) -> isize;
/// `getcpu(cpu, node, unused)`: either of the first two pointers may be null.
pub type Getcpu = unsafe extern "C" fn(*mut u32, *mut u32, usize) -> i32;

/// The vDSO's functions; `None` if the kernel doesn't provide one.
#[derive(Debug)]
pub struct Vdso {
    /// Address of the image.
    pub base: usize,
    /// The image itself, for other lookups.
    pub image: Image,
    /// `__vdso_clock_gettime`.
    pub clock_gettime: Option<ClockGettime>,
    /// `__vdso_clock_gettime64` (32-bit image).
    pub clock_gettime64: Option<ClockGettime64>,
    /// `__vdso_clock_getres`.
    pub clock_getres: Option<ClockGetres>,
    /// `__vdso_gettimeofday`.
    pub gettimeofday: Option<Gettimeofday>,
    /// `__vdso_time`.
    pub time: Option<Time>,
    /// `__vdso_getcpu`.
    pub getcpu: Option<Getcpu>,
}

impl Vdso {
    /// Finds the vDSO of this process; `None` if the kernel mapped none.
    pub fn find(env: &Env) -> Option<Vdso> {
        let base = env.aux(AT_SYSINFO_EHDR)?;
        // SAFETY: AT_SYSINFO_EHDR is the address of an ELF image of the program's width.
        let image = unsafe { Image::new(base) }?;
        let find = |name| {
            image
                .lookup_gnu_hash(name, VERSION)
                .or_else(|| image.lookup_hash(name, VERSION))
        };
        // SAFETY: each address is that of a function in the vDSO, whose name and version determine
        // its C signature, one of the types above.
        unsafe {
            Some(Vdso {
                base,
                clock_gettime: find("__vdso_clock_gettime")
                    .map(|at| transmute::<usize, ClockGettime>(at)),
                clock_gettime64: find("__vdso_clock_gettime64")
                    .map(|at| transmute::<usize, ClockGettime64>(at)),
                clock_getres: find("__vdso_clock_getres")
                    .map(|at| transmute::<usize, ClockGetres>(at)),
                gettimeofday: find("__vdso_gettimeofday")
                    .map(|at| transmute::<usize, Gettimeofday>(at)),
                time: find("__vdso_time").map(|at| transmute::<usize, Time>(at)),
                getcpu: find("__vdso_getcpu").map(|at| transmute::<usize, Getcpu>(at)),
                image,
            })
        }
    }
}
