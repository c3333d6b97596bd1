//! Rules 16, 27 and 28: the initial state of a program. All general registers are 0, the flags
//! 0x202, x87 and SSE at their defaults, the stack aligned, the auxiliary vector and the maps
//! complete. Expected: exit 0.
//!
//! `build.rs` makes `probe_start` the entry point, so that no other code runs before it.
#![no_std]
#![cfg_attr(bare, no_main)]

#[cfg(bare)]
use core::arch::naked_asm;
use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char};

use programs::check::Checks;
use programs::registers::NAMES;
use sys::env::*;
use sys::{Env, cpu, os};

sys::entry!(run);

/// The registers at the entry point.
#[repr(C)]
struct Found {
    /// General registers in the order of `NAMES`, then the stack pointer, then the flags.
    general: [usize; NAMES.len() + 2],
    /// cs, ss, ds, es, fs, gs.
    segments: [u16; 6],
    x87_control: u16,
    mxcsr: u32,
    /// x87 and SSE registers and their control words, in FXSAVE's format.
    vectors: Vectors,
}

#[repr(C, align(16))]
struct Vectors([u8; 512]);

struct Shared(UnsafeCell<Found>);

// SAFETY: the program has one thread.
unsafe impl Sync for Shared {}

static FOUND: Shared = Shared(UnsafeCell::new(Found {
    general: [1; NAMES.len() + 2],
    segments: [0; 6],
    x87_control: 0,
    mxcsr: 0,
    vectors: Vectors([1; 512]),
}));

/// Stores every register, then jumps to the usual entry point.
#[cfg(all(bare, target_arch = "x86_64"))]
#[unsafe(naked)]
#[unsafe(no_mangle)]
extern "C" fn probe_start() -> ! {
    naked_asm!(
        "mov [rip + {found}], rax", "mov [rip + {found} + 8], rbx", "mov [rip + {found} + 16], rcx",
        "mov [rip + {found} + 24], rdx", "mov [rip + {found} + 32], rsi",
        "mov [rip + {found} + 40], rdi", "mov [rip + {found} + 48], rbp",
        "mov [rip + {found} + 56], r8", "mov [rip + {found} + 64], r9",
        "mov [rip + {found} + 72], r10", "mov [rip + {found} + 80], r11",
        "mov [rip + {found} + 88], r12", "mov [rip + {found} + 96], r13",
        "mov [rip + {found} + 104], r14", "mov [rip + {found} + 112], r15",
        "mov [rip + {found} + 120], rsp",
        "pushfq", "pop [rip + {found} + 128]",
        "mov [rip + {found} + 136], cs", "mov [rip + {found} + 138], ss",
        "mov [rip + {found} + 140], ds", "mov [rip + {found} + 142], es",
        "mov [rip + {found} + 144], fs", "mov [rip + {found} + 146], gs",
        "fnstcw [rip + {found} + 148]", "stmxcsr [rip + {found} + 152]",
        "fxsave [rip + {found} + 160]",
        "jmp {start}",
        found = sym FOUND, start = sym sys::start::_start,
    )
}

/// Stores every register, then jumps to the usual entry point.
#[cfg(all(bare, target_arch = "x86"))]
#[unsafe(naked)]
#[unsafe(no_mangle)]
extern "C" fn probe_start() -> ! {
    naked_asm!(
        "mov [{found}], eax", "mov [{found} + 4], ebx", "mov [{found} + 8], ecx",
        "mov [{found} + 12], edx", "mov [{found} + 16], esi", "mov [{found} + 20], edi",
        "mov [{found} + 24], ebp", "mov [{found} + 28], esp",
        "pushfd", "pop [{found} + 32]",
        "mov [{found} + 36], cs", "mov [{found} + 38], ss", "mov [{found} + 40], ds",
        "mov [{found} + 42], es", "mov [{found} + 44], fs", "mov [{found} + 46], gs",
        "fnstcw [{found} + 48]", "stmxcsr [{found} + 52]", "fxsave [{found} + 64]",
        "jmp {start}",
        found = sym FOUND, start = sym sys::start::_start,
    )
}

// The stubs above store to these offsets.
const _: () = {
    use core::mem::offset_of;
    const WIDE: bool = cfg!(target_pointer_width = "64");
    assert!(offset_of!(Found, segments) == if WIDE { 136 } else { 36 });
    assert!(offset_of!(Found, x87_control) == if WIDE { 148 } else { 48 });
    assert!(offset_of!(Found, mxcsr) == if WIDE { 152 } else { 52 });
    assert!(offset_of!(Found, vectors) == if WIDE { 160 } else { 64 });
};

fn run(env: &Env) -> i32 {
    let mut checks = Checks::default();
    // SAFETY: `probe_start` wrote it before this function ran; it isn't written again.
    let found = unsafe { &*FOUND.0.get() };
    registers(&mut checks, found);
    vectors(&mut checks, found);
    auxiliary(&mut checks, env);
    maps(&mut checks, env);
    checks.status()
}

fn registers(checks: &mut Checks, found: &Found) {
    for (name, value) in NAMES.iter().zip(found.general) {
        checks.equal(value, 0, format_args!("{name} at the start"));
    }
    let [.., stack, flags] = found.general;
    checks.equal(stack % 16, 0, format_args!("alignment of the stack"));
    checks.equal(flags, 0x202, format_args!("flags"));
    #[cfg(target_arch = "x86_64")]
    let wanted = [0x33, 0x2b, 0, 0, 0, 0];
    #[cfg(target_arch = "x86")]
    let wanted = [0x23, 0x2b, 0x2b, 0x2b, 0, 0];
    checks.equal(
        found.segments,
        wanted,
        format_args!("cs, ss, ds, es, fs, gs"),
    );
    storage(checks);
}

/// Checks that the bases of FS and GS are 0.
#[cfg(target_arch = "x86_64")]
fn storage(checks: &mut Checks) {
    const ARCH_GET_FS: usize = 0x1003;
    const ARCH_GET_GS: usize = 0x1004;
    for (name, code) in [("FS", ARCH_GET_FS), ("GS", ARCH_GET_GS)] {
        let mut base = usize::MAX;
        let args = [code, (&raw mut base).addr(), 0, 0, 0, 0];
        // SAFETY: the kernel writes one word, to `base`.
        let result = unsafe { os::native(sys::numbers::ARCH_PRCTL, args) };
        checks.equal((result, base), (Ok(0), 0), format_args!("{name}'s base"));
    }
}

/// Checks that there are no TLS segments, by LSL, after a switch to another process.
#[cfg(target_arch = "x86")]
fn storage(checks: &mut Checks) {
    let child = os::fork();
    if child == Ok(0) {
        os::exit(0);
    }
    let ending = child.and_then(os::wait);
    checks.equal(
        ending,
        Ok(os::Ending::Exit(0)),
        format_args!("the other process"),
    );
    for selector in [0x63, 0x6b, 0x73] {
        let mut limit = 0xdead_u32;
        // SAFETY: LSL reads a descriptor's limit, or leaves the register unchanged.
        unsafe { core::arch::asm!("lsl {0:e}, {1:e}", inout(reg) limit, in(reg) selector) };
        checks.equal(
            limit,
            0xdead,
            format_args!("limit of segment {selector:#x}"),
        );
    }
}

fn vectors(checks: &mut Checks, found: &Found) {
    checks.equal(found.x87_control, 0x37f, format_args!("x87 control word"));
    checks.equal(found.mxcsr, 0x1f80, format_args!("mxcsr"));
    let area = &found.vectors.0;
    checks.equal(area[4], 0, format_args!("x87 registers in use"));
    let registers = if cfg!(target_arch = "x86_64") { 16 } else { 8 };
    // An x87 register has 10 bytes of its 16-byte slot; the CPU may leave the rest unchanged.
    let places = area
        .chunks_exact(16)
        .enumerate()
        .skip(2)
        .take(8 + registers);
    let mut used = places.map(|(index, place)| if index < 10 { &place[..10] } else { place });
    let used = used.position(|place| place.iter().any(|&byte| byte != 0));
    checks.equal(
        used,
        None,
        format_args!("index of the first x87 or SSE register that isn't 0"),
    );
}

fn auxiliary(checks: &mut Checks, env: &Env) {
    let kinds = [
        AT_PHDR,
        AT_PHENT,
        AT_PHNUM,
        AT_PAGESZ,
        AT_BASE,
        AT_FLAGS,
        AT_ENTRY,
        AT_UID,
        AT_EUID,
        AT_GID,
        AT_EGID,
        AT_PLATFORM,
        AT_HWCAP,
        AT_CLKTCK,
        AT_SECURE,
        AT_RANDOM,
        AT_HWCAP2,
        AT_EXECFN,
        AT_SYSINFO_EHDR,
        AT_MINSIGSTKSZ,
    ];
    for kind in kinds {
        let times = env.auxv().filter(|pair| pair.0 == kind).count();
        checks.equal(
            times,
            1,
            format_args!("auxiliary vector: entries of kind {kind}"),
        );
    }
    let mut entry = |kind, wanted: usize| {
        let value = env.aux(kind).unwrap_or(usize::MAX);
        checks.equal(value, wanted, format_args!("auxiliary vector: kind {kind}"));
    };
    entry(AT_PAGESZ, 4096);
    entry(AT_CLKTCK, 100);
    entry(AT_BASE, 0);
    entry(AT_FLAGS, 0);
    entry(AT_SECURE, 0);
    #[cfg(bare)]
    entry(AT_ENTRY, probe_start as *const () as usize);
    let (image, header, program_header) = if cfg!(target_arch = "x86_64") {
        (0x40_0000, 64, 56)
    } else {
        (0x804_8000, 52, 32)
    };
    entry(AT_PHDR, image + header);
    entry(AT_PHENT, program_header);
    entry(AT_HWCAP, cpu::cpuid(1).edx as usize);

    let text = |kind| match env.aux(kind) {
        // SAFETY: the entries are addresses of NUL-terminated strings on the stack.
        Some(address) if address != 0 => unsafe { CStr::from_ptr(address as *const c_char) }
            .to_str()
            .unwrap_or("?"),
        _ => "(none)",
    };
    let platform = if cfg!(target_arch = "x86_64") {
        "x86_64"
    } else {
        "i686"
    };
    checks.equal(text(AT_PLATFORM), platform, format_args!("AT_PLATFORM"));
    checks.that(
        text(AT_EXECFN).ends_with("start_state"),
        format_args!("AT_EXECFN is {}", text(AT_EXECFN)),
    );
    checks.that(
        env.aux(AT_MINSIGSTKSZ) > Some(1000),
        format_args!("AT_MINSIGSTKSZ is too small"),
    );
    let random = env.aux(AT_RANDOM).unwrap_or(0);
    // SAFETY: the entry is the address of 16 bytes on the stack.
    let random = (random != 0).then(|| unsafe { (random as *const [u8; 16]).read_unaligned() });
    checks.that(
        random.is_some_and(|bytes| bytes != [0; 16]),
        format_args!("AT_RANDOM: {random:?}"),
    );
    let vdso = env.aux(AT_SYSINFO_EHDR).unwrap_or(0);
    // SAFETY: the entry is the address of the vDSO's first page.
    let magic = (vdso != 0).then(|| unsafe { (vdso as *const [u8; 4]).read() });
    checks.equal(
        magic,
        Some(*b"\x7fELF"),
        format_args!("the vDSO's first bytes"),
    );
    #[cfg(target_arch = "x86")]
    checks.that(
        env.aux(AT_SYSINFO).is_some_and(|address| address > vdso),
        format_args!("AT_SYSINFO"),
    );
    checks.that(env.args().count() >= 1, format_args!("argc is 0"));
}

/// Checks the lines of /proc/self/maps that every program has.
fn maps(checks: &mut Checks, env: &Env) {
    let mut buffer = [0; 8192];
    let text = core::str::from_utf8(os::read_file(c"/proc/self/maps", &mut buffer)).unwrap_or("");
    let mut line = |address: usize, permissions: &str, name: &str| {
        let found = text
            .lines()
            .find(|line| covers(line, address))
            .unwrap_or("(no line)");
        let right = found.split_whitespace().nth(1) == Some(permissions) && found.ends_with(name);
        checks.that(
            right,
            format_args!("{address:#x} should be {permissions} {name}: {found}"),
        );
    };
    line(run as *const () as usize, "r-xp", "start_state");
    line(&raw const FOUND as usize, "rw-p", "");
    line(env.stack() as usize, "rw-p", "[stack]");
    line(env.aux(AT_SYSINFO_EHDR).unwrap_or(0), "r-xp", "[vdso]");
    let vvar = text.lines().find(|line| line.ends_with("[vvar]"));
    let readable = vvar.and_then(|line| line.split_whitespace().nth(1)) == Some("r--p");
    checks.that(readable, format_args!("[vvar] should be r--p: {vvar:?}"));
}

/// Whether the line `start-end ...` covers `address`.
fn covers(line: &str, address: usize) -> bool {
    let hex = |text| usize::from_str_radix(text, 16).ok();
    let range = line
        .split_whitespace()
        .next()
        .and_then(|range| range.split_once('-'));
    let bounds = range.and_then(|(start, end)| Some(hex(start)?..hex(end)?));
    bounds.is_some_and(|bounds| bounds.contains(&address))
}
