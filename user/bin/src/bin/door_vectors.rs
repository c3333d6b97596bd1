//! Rule 5: the x87, SSE and AVX state belongs to the program. Each door preserves it, also if
//! another process ran in between with other values in the registers. Expected: exit 0.
#![no_std]
#![cfg_attr(bare, no_main)]

use core::arch::{asm, naked_asm};

use programs::check::Checks;
use sys::numbers::{GETPID, WAIT4};
use sys::{Door, Env, cpu, os, println};

sys::entry!(run);

/// The state in XSAVE's layout: x87 and SSE in the first 512 bytes, a header of 64, the upper
/// halves of the AVX registers.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Area([u8; 832]);

/// The registers in an [`Area`]: name, start and end offset.
const PARTS: [(&str, usize, usize); 5] = [
    ("x87 control word", 0, 2),
    ("mxcsr", 24, 28),
    ("x87 registers", 32, 160),
    (
        "SSE registers",
        160,
        if cfg!(target_arch = "x86_64") {
            416
        } else {
            288
        },
    ),
    (
        "AVX registers",
        576,
        if cfg!(target_arch = "x86_64") {
            832
        } else {
            704
        },
    ),
];

impl Area {
    const EMPTY: Area = Area([0; 832]);

    /// Fills all registers with values derived from `seed`.
    fn pattern(seed: u8) -> Area {
        let mut area = Area::EMPTY;
        for (index, byte) in area.0.iter_mut().enumerate() {
            *byte = (index as u8).wrapping_mul(7).wrapping_add(seed);
        }
        area.0[..32].fill(0);
        area.0[..2].copy_from_slice(&0x27f_u16.to_le_bytes()); // 53-bit precision: not the default
        area.0[4] = 0xff; // all eight x87 registers are in use
        area.0[24..28].copy_from_slice(&0x9f80_u32.to_le_bytes()); // flush to zero: not the default
        for register in area.0[32..160].chunks_exact_mut(16) {
            register[9] = 0x3f; // the exponent of a normal number
            register[7] |= 0x80; // the leading 1 of a normal number
            register[10..].fill(0);
        }
        area.0[512..576].fill(0);
        area.0[512] = 7; // x87, SSE and AVX are in use
        area
    }
}

fn run(_: &Env) -> i32 {
    let extended = cpu::cpuid(1).ecx & (1 << 27) != 0;
    let avx = extended && enabled_state() & 4 != 0;
    println!(
        "state saved by {}, AVX: {avx}",
        if extended { "XSAVE" } else { "FXSAVE" }
    );
    let parts = if avx { &PARTS[..] } else { &PARTS[..4] };

    let mut checks = Checks::default();
    for door in Door::usable() {
        compare(
            &mut checks,
            parts,
            door,
            extended,
            door.number(GETPID),
            "getpid",
        );
        compare(
            &mut checks,
            parts,
            door,
            extended,
            100_000,
            "a number out of range",
        );
        match os::fork() {
            Ok(0) => {
                scribble(extended);
                os::exit(0);
            }
            // wait4 for any child; its other arguments are 0.
            Ok(_) => compare(
                &mut checks,
                parts,
                door,
                extended,
                door.number(WAIT4),
                "wait4",
            ),
            Err(errno) => println!("no second process, fork failed: {errno}"),
        }
    }
    checks.status()
}

fn compare(
    checks: &mut Checks,
    parts: &[(&str, usize, usize)],
    door: Door,
    extended: bool,
    number: usize,
    what: &str,
) {
    let before = Area::pattern(number as u8);
    let mut after = Area::EMPTY;
    through(door, extended, &before, &mut after, number);
    for &(part, start, end) in parts {
        let same = before.0[start..end] == after.0[start..end];
        checks.that(same, format_args!("{door}, {what}: {part} changed"));
    }
}

/// The second process: other values in all registers, and some calls.
fn scribble(extended: bool) {
    let mut ignored = Area::EMPTY;
    for seed in 0..50 {
        through(
            Door::NATIVE,
            extended,
            &Area::pattern(seed),
            &mut ignored,
            Door::NATIVE.number(GETPID),
        );
    }
}

/// Loads the state `before`, makes call `number` through `door`, and stores the state to `after`.
fn through(door: Door, extended: bool, before: &Area, after: &mut Area, number: usize) {
    let stub = match (door, extended) {
        (Door::Int80, true) => int80_xsave,
        (Door::Int80, false) => int80_fxsave,
        #[cfg(target_arch = "x86_64")]
        (Door::Syscall, true) => syscall_xsave,
        #[cfg(target_arch = "x86_64")]
        (Door::Syscall, false) => syscall_fxsave,
        // __kernel_vsyscall uses the CPU's SYSENTER or SYSCALL.
        #[cfg(target_arch = "x86")]
        (_, true) => vsyscall_xsave,
        #[cfg(target_arch = "x86")]
        (_, false) => vsyscall_fxsave,
    };
    // SAFETY: the stubs follow the C calling convention and reset x87 and SSE to the default state;
    // the calls write no memory of the program.
    unsafe { stub(before, after, number) };
}

/// The state components that the kernel enabled (XCR0).
fn enabled_state() -> u32 {
    let low;
    // SAFETY: executed only where the kernel enabled XSAVE.
    unsafe { asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") _, options(nomem, nostack)) };
    low
}

#[cfg(target_arch = "x86_64")]
macro_rules! stub {
    ($name:ident: $load:literal, $door:literal, $store:literal) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name(before: *const Area, after: *mut Area, number: usize) {
            naked_asm!(
                "push rbx",
                "push rbp",
                "push r12",
                "push r13",
                "mov r12, rsi",
                "mov r13, rdx",
                "mov eax, 7",
                "xor edx, edx",
                concat!($load, " [rdi]"),
                "mov eax, r13d",
                "mov rdi, -1",
                "xor esi, esi",
                "xor r10d, r10d", // SYSCALL's arguments
                "mov rbx, -1",
                "xor ecx, ecx", // INT 0x80's
                $door,
                "mov eax, 7",
                "xor edx, edx",
                concat!($store, " [r12]"),
                "fninit",
                "push 0x1f80",
                "ldmxcsr [rsp]",
                "pop rax",
                "pop r13",
                "pop r12",
                "pop rbp",
                "pop rbx",
                "ret",
            )
        }
    };
}

#[cfg(target_arch = "x86")]
macro_rules! stub {
    ($name:ident: $load:literal, $door:literal, $store:literal $(, $symbol:path)?) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name(before: *const Area, after: *mut Area, number: usize) {
            naked_asm!(
                "push ebx", "push ebp", "push esi", "push edi",
                "mov ecx, [esp + 20]", // before
                "mov eax, 7", "xor edx, edx",
                concat!($load, " [ecx]"),
                "mov eax, [esp + 28]", // number
                "mov ebx, -1", "xor ecx, ecx", "xor edx, edx", "xor esi, esi",
                $door,
                "mov ecx, [esp + 24]", // after
                "mov eax, 7", "xor edx, edx",
                concat!($store, " [ecx]"),
                "fninit", "push 0x1f80", "ldmxcsr [esp]", "pop eax",
                "pop edi", "pop esi", "pop ebp", "pop ebx",
                "ret",
                $(vsyscall = sym $symbol)?
            )
        }
    };
}

stub!(int80_xsave: "xrstor", "int 0x80", "xsave");
stub!(int80_fxsave: "fxrstor", "int 0x80", "fxsave");
#[cfg(target_arch = "x86_64")]
stub!(syscall_xsave: "xrstor", "syscall", "xsave");
#[cfg(target_arch = "x86_64")]
stub!(syscall_fxsave: "fxrstor", "syscall", "fxsave");
#[cfg(target_arch = "x86")]
stub!(vsyscall_xsave: "xrstor", "call dword ptr [{vsyscall}]", "xsave", sys::sysenter::VSYSCALL);
#[cfg(target_arch = "x86")]
stub!(vsyscall_fxsave: "fxrstor", "call dword ptr [{vsyscall}]", "fxsave", sys::sysenter::VSYSCALL);
