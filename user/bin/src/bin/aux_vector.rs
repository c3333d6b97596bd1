//! Rule 27: compares a new program's initial stack with its ELF header, its user and group ids,
//! CPUID, and the addresses of the strings.
//! `aux_vector one two three`. Expected: exit 0. (`start_state` tests the rest of rule 27.)
#![no_std]
#![cfg_attr(bare, no_main)]

use core::ffi::{CStr, c_char};

use programs::check::Checks;
use sys::env::*;
use sys::numbers::Call;
use sys::{Env, cpu, os};

sys::entry!(run);

/// getuid, geteuid, getgid, getegid (on i386 the calls with 32-bit ids), with their entries.
const IDS: [(usize, Call); 4] = [
    (
        AT_UID,
        Call {
            x86_64: 102,
            i386: 199,
        },
    ),
    (
        AT_EUID,
        Call {
            x86_64: 107,
            i386: 201,
        },
    ),
    (
        AT_GID,
        Call {
            x86_64: 104,
            i386: 200,
        },
    ),
    (
        AT_EGID,
        Call {
            x86_64: 108,
            i386: 202,
        },
    ),
];

fn run(env: &Env) -> i32 {
    let mut checks = Checks::default();
    header(&mut checks, env);
    for (kind, call) in IDS {
        // SAFETY: touches no memory.
        let id = unsafe { os::native(call, [0; 6]) };
        checks.equal(
            env.aux(kind).ok_or(sys::Errno(0)),
            id,
            format_args!("the id of kind {kind}"),
        );
    }
    const HWCAP2_FSGSBASE: usize = 1 << 1;
    let announced = env.aux(AT_HWCAP2).unwrap_or(0) & HWCAP2_FSGSBASE != 0;
    checks.equal(
        announced,
        cpu::cpuid(7).ebx & 1 != 0,
        format_args!("FSGSBASE in AT_HWCAP2"),
    );
    arguments(&mut checks, env);
    strings(&mut checks, env);
    checks.status()
}

/// The size and number of program headers, as in the ELF header.
fn header(checks: &mut Checks, env: &Env) {
    let table = env.aux(AT_PHDR).unwrap_or(0);
    let wide = cfg!(target_pointer_width = "64");
    let image = table - if wide { 64 } else { 52 };
    // SAFETY: the linker puts the program headers right after the ELF header, in the first mapped
    // segment.
    let half = |offset: usize| usize::from(unsafe { ((image + offset) as *const u16).read() });
    let (size, count) = if wide { (54, 56) } else { (42, 44) };
    checks.equal(
        env.aux(AT_PHENT),
        Some(half(size)),
        format_args!("AT_PHENT"),
    );
    checks.equal(
        env.aux(AT_PHNUM),
        Some(half(count)),
        format_args!("AT_PHNUM"),
    );
}

/// `argc` is the number of pointers up to the null pointer; the environment isn't empty.
fn arguments(checks: &mut Checks, env: &Env) {
    // SAFETY: the kernel's layout.
    let argc = unsafe { env.stack().read() };
    checks.equal(env.args().count(), argc, format_args!("argc"));
    checks.equal(argc, 4, format_args!("arguments"));
    checks.that(
        env.args().skip(1).eq(["one", "two", "three"]),
        format_args!("the arguments"),
    );
    checks.that(
        env.vars().next().is_some_and(|var| var.contains('=')),
        format_args!("the environment"),
    );
}

/// The strings are contiguous: arguments, environment, path. No string overlaps the random bytes
/// (AT_RANDOM).
fn strings(checks: &mut Checks, env: &Env) {
    let text = |address: usize| {
        // SAFETY: the kernel's pointers lead to NUL-terminated strings.
        unsafe { CStr::from_ptr(address as *const c_char) }.to_bytes()
    };
    let (path, platform) = (
        env.aux(AT_EXECFN).unwrap_or(0),
        env.aux(AT_PLATFORM).unwrap_or(0),
    );
    let random = env.aux(AT_RANDOM).unwrap_or(0);
    let all = env
        .args()
        .chain(env.vars())
        .map(|string| string.as_ptr().addr());
    let mut next = None;
    for address in all.chain([path]) {
        if let Some(next) = next {
            checks.equal(
                address,
                next,
                format_args!("address of the string {:?}", text(address)),
            );
        }
        next = Some(address + text(address).len() + 1);
        let apart = !(random..random + 16).contains(&address);
        checks.that(apart, format_args!("a string overlaps AT_RANDOM"));
    }
    let apart = !(random..random + 16).contains(&platform);
    checks.that(
        apart,
        format_args!("AT_PLATFORM's string overlaps AT_RANDOM"),
    );
}
