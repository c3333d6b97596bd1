//! Rules 25 and 26: the clock page can't be made writable; the vDSO works after it is moved; a bad
//! pointer passed to one of its functions faults in the program.
//!
//! Cases: `mprotect` and `move`: exit 0. `write`, `moved-write`, `read-through` and the
//! `bad-...`: signal 11.
#![no_std]
#![cfg_attr(bare, no_main)]

use programs::check::Checks;
use programs::costs::MONOTONIC;
use sys::os::{self, PROT_EXEC, PROT_READ, PROT_WRITE, Timespec};
use sys::vdso::Vdso;
use sys::{Env, Errno, println};

sys::entry!(run);

const MREMAP_MAYMOVE: usize = 1;
const MREMAP_FIXED: usize = 2;
/// An address that no program can access.
const BAD: usize = usize::MAX - 0xfff;

/// A line of /proc/self/maps that belongs to the vDSO.
#[derive(Clone, Copy)]
struct Mapping {
    start: usize,
    length: usize,
    code: bool,
}

fn run(env: &Env) -> i32 {
    let Some(vdso) = Vdso::find(env) else {
        println!("BROKEN: no vDSO");
        return 1;
    };
    let mut buffer = [0; 8192];
    let text = core::str::from_utf8(os::read_file(c"/proc/self/maps", &mut buffer)).unwrap_or("");
    let Some(data) = mappings(text).find(|mapping| !mapping.code) else {
        println!("BROKEN: no [vvar] in /proc/self/maps");
        return 1;
    };
    let mut checks = Checks::default();
    match env.args().nth(1).unwrap_or("") {
        "mprotect" => protect(&mut checks, data),
        "move" => relocate(&mut checks, env, &vdso, text),
        "write" => write(data.start),
        "moved-write" => {
            if let Ok(moved) = relocate_one(data, new_place(data.length)) {
                write(moved);
            }
        }
        "read-through" => {
            // The clock page is readable, but it can't be a destination.
            bad_pointers(&vdso, "clock_gettime", data.start);
        }
        function => bad_pointers(&vdso, function.trim_start_matches("bad-"), BAD),
    }
    checks.status()
}

/// The mappings that belong to the vDSO, in order.
fn mappings(text: &str) -> impl Iterator<Item = Mapping> + '_ {
    text.lines().filter_map(|line| {
        let name = line.split_whitespace().last()?;
        if name != "[vdso]" && !name.starts_with("[vvar") {
            return None;
        }
        let (start, end) = line.split_whitespace().next()?.split_once('-')?;
        let start = usize::from_str_radix(start, 16).ok()?;
        let end = usize::from_str_radix(end, 16).ok()?;
        Some(Mapping {
            start,
            length: end - start,
            code: name == "[vdso]",
        })
    })
}

fn write(address: usize) {
    // SAFETY: the program ends here.
    unsafe { (address as *mut u32).write_volatile(0) };
    println!("BROKEN: {address:#x} is writable");
}

/// mprotect must refuse every protection that includes writing.
fn protect(checks: &mut Checks, data: Mapping) {
    for protection in [
        PROT_WRITE,
        PROT_READ | PROT_WRITE,
        PROT_READ | PROT_WRITE | PROT_EXEC,
    ] {
        // SAFETY: if it succeeds, the test only fails.
        let result = unsafe { os::mprotect(data.start, 4096, protection) };
        checks.equal(
            result,
            Err(Errno(13)),
            format_args!("mprotect({protection}) of [vvar]"),
        );
    }
}

/// Finds a free range by mapping and unmapping it.
fn new_place(length: usize) -> usize {
    let place = os::map_anonymous(length, PROT_READ).unwrap_or(0);
    // SAFETY: nothing uses the range.
    let _ = unsafe { os::munmap(place, length) };
    place
}

fn relocate_one(mapping: Mapping, target: usize) -> sys::SysResult {
    let Mapping { start, length, .. } = mapping;
    // SAFETY: the caller uses only the new address; the target is free.
    unsafe { os::mremap(start, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, target) }
}

/// Moves all mappings by the same distance, and calls functions at the new addresses.
fn relocate(checks: &mut Checks, env: &Env, vdso: &Vdso, text: &str) {
    let base = mappings(text)
        .map(|mapping| mapping.start)
        .min()
        .unwrap_or(0);
    let end = mappings(text)
        .map(|mapping| mapping.start + mapping.length)
        .max()
        .unwrap_or(0);
    let place = new_place(end - base);
    let shift = place.wrapping_sub(base);
    for mapping in mappings(text) {
        let target = mapping.start.wrapping_add(shift);
        let moved = relocate_one(mapping, target);
        checks.equal(
            moved,
            Ok(target),
            format_args!("mremap of {:#x}", mapping.start),
        );
    }
    let Some(old) = vdso.clock_gettime else {
        return;
    };
    // SAFETY: the whole image, code and clock page, is now there.
    let function: sys::vdso::ClockGettime =
        unsafe { core::mem::transmute((old as usize).wrapping_add(shift)) };
    let (mut now, before) = (Timespec::default(), os::clock_gettime(MONOTONIC));
    // SAFETY: the function writes one timespec, to `now`.
    let result = unsafe { function(MONOTONIC, &mut now) };
    let after = os::clock_gettime(MONOTONIC);
    let ordered = before.is_ok_and(|before| before <= now) && after.is_ok_and(|after| now <= after);
    checks.that(
        result == 0 && ordered,
        format_args!("moved clock_gettime: {before:?}, {now:?}, {after:?}"),
    );

    // SYSENTER and SYSCALL return to the landing pad, which has moved too.
    #[cfg(target_arch = "x86")]
    if let Some(vsyscall) = env.aux(sys::env::AT_SYSINFO) {
        sys::sysenter::set_vsyscall(vsyscall.wrapping_add(shift));
        let number = sys::numbers::GETPID.i386;
        // SAFETY: getpid touches no memory of the program.
        let pid = unsafe { sys::call(sys::Door::Vsyscall, number, [0; 6]) };
        checks.equal(
            pid.cast_unsigned(),
            os::getpid(),
            format_args!("getpid through the moved vDSO"),
        );
    }
    #[cfg(target_arch = "x86_64")]
    let _ = env; // 64-bit code needs no landing pad
}

/// Calls the function with `address` as its destination.
fn bad_pointers(vdso: &Vdso, function: &str, address: usize) {
    // SAFETY: the program ends in the function.
    let result = unsafe {
        match function {
            "clock_gettime" => vdso
                .clock_gettime
                .map(|call| call(MONOTONIC, address as *mut Timespec)),
            "clock_getres" => vdso
                .clock_getres
                .map(|call| call(MONOTONIC, address as *mut Timespec)),
            "gettimeofday" => vdso
                .gettimeofday
                .map(|call| call(address as *mut [isize; 2], core::ptr::null_mut())),
            "time" => vdso.time.map(|call| call(address as *mut isize) as i32),
            "getcpu" => vdso
                .getcpu
                .map(|call| call(address as *mut u32, core::ptr::null_mut(), 0)),
            _ => None,
        }
    };
    println!("{function} with a bad pointer: {result:?}");
}
