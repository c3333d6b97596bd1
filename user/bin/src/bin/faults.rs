//! Accesses and instructions that are invalid or not allowed in programs. Expected: the signal that
//! Linux sends for each; `cases.txt` has the signal of each case.
#![no_std]
#![cfg_attr(bare, no_main)]

use core::arch::asm;

use programs::named::{self, Case};
use sys::os::{self, PROT_READ, PROT_WRITE};
use sys::{Env, println};

sys::entry!(run);

/// A case that executes the given instructions.
macro_rules! instructions {
    ($name:literal: $($line:literal),+) => {
        ($name, || {
            // SAFETY: the program ends here; if it doesn't, it only prints and exits.
            unsafe { asm!($($line),+, out("eax") _, out("ecx") _, out("edx") _) }
        })
    };
}

fn run(env: &Env) -> i32 {
    named::run(env, CASES)
}

const CASES: &[Case] = &[
    instructions!("divide": "xor ecx, ecx", "xor edx, edx", "div ecx"),
    instructions!("ud2": "ud2"),
    instructions!("int3": "int3"),
    ("trap-flag", trap_flag),
    ("x87", x87),
    ("null", || read(0)),
    ("null-write", || write(0)),
    ("null-jump", || jump(0)),
    ("kernel-read", || read(KERNEL)),
    ("kernel-write", || write(KERNEL)),
    ("kernel-jump", || jump(KERNEL)),
    ("top-read", || read(usize::MAX)),
    ("limit-read", || read(LIMIT)),
    ("limit-jump", || jump(LIMIT)),
    ("code-write", || write(run as *const () as usize)),
    ("data-jump", || jump(&raw const DATA as usize)),
    ("stack-jump", stack_jump),
    ("unmapped", unmapped),
    ("read-only", read_only),
    ("stack-overflow", || println!("{}", recurse(usize::MAX))),
    // Programs can only use the gates of vectors 3, 4 and 0x80.
    instructions!("int-0": "int 0"),
    instructions!("int-2": "int 2"),
    instructions!("int-4": "int 4"),
    instructions!("int-8": "int 8"),
    instructions!("int-13": "int 13"),
    instructions!("int-14": "int 14"),
    instructions!("int-18": "int 18"),
    instructions!("int-32": "int 32"),
    instructions!("int-129": "int 129"),
    instructions!("int-255": "int 255"),
    #[cfg(target_arch = "x86_64")]
    ("not-canonical-read", || read(1 << 47)),
    #[cfg(target_arch = "x86_64")]
    ("not-canonical-jump", || jump(1 << 47)),
    ("panic", || panic!("on purpose")),
];

/// An address in the kernel's half.
#[cfg(target_arch = "x86_64")]
const KERNEL: usize = 0xffff_ffff_8000_0000;
/// An address that is never mapped in programs.
#[cfg(target_arch = "x86")]
const KERNEL: usize = 0xffff_f000;

/// The first address that no program can map.
#[cfg(target_arch = "x86_64")]
const LIMIT: usize = 0x7fff_ffff_f000;
/// The first address that no program can map.
#[cfg(target_arch = "x86")]
const LIMIT: usize = 0xffff_e000;

/// `ret`, as data.
static DATA: [u8; 16] = [0xc3; 16];

fn read(address: usize) {
    // SAFETY: the program is expected to end here.
    let value = unsafe { (address as *const u8).read_volatile() };
    println!("read {value:#x}");
}

fn write(address: usize) {
    // SAFETY: the program is expected to end here.
    unsafe { (address as *mut u8).write_volatile(0) };
}

fn jump(address: usize) {
    // SAFETY: the program is expected to end here.
    unsafe { asm!("call {}", in(reg) address, clobber_abi("C")) };
}

fn trap_flag() {
    // SAFETY: the program ends after the instruction that follows POPF.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        asm!("pushfq", "or dword ptr [rsp], 0x100", "popfq", "nop");
        #[cfg(target_arch = "x86")]
        asm!("pushfd", "or dword ptr [esp], 0x100", "popfd", "nop");
    }
}

/// Divides 1 by 0 with the exception unmasked; it is raised by the next x87 instruction.
fn x87() {
    let control = 0x37b_u16;
    // SAFETY: the program is expected to end here.
    unsafe {
        asm!("fldcw word ptr [{}]", "fld1", "fldz", "fdivp", "fwait", in(reg) &raw const control);
    };
}

fn stack_jump() {
    let code = [0xc3_u8; 16];
    jump(code.as_ptr() as usize);
}

fn unmapped() {
    let page = os::map_anonymous(4096, PROT_READ | PROT_WRITE).unwrap_or(0);
    write(page);
    // SAFETY: nothing else uses the page.
    let _ = unsafe { os::munmap(page, 4096) };
    write(page);
}

fn read_only() {
    let page = os::map_anonymous(4096, PROT_READ).unwrap_or(0);
    read(page);
    write(page);
}

#[inline(never)]
fn recurse(depth: usize) -> usize {
    let frame = [depth; 512];
    if depth == 0 {
        0
    } else {
        recurse(core::hint::black_box(&frame)[1] - 1) + frame[2]
    }
}
