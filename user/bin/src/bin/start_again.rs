//! Rule 16: a program that uses x87 and SSE registers, segments and thread-local storage executes
//! `start_state`, from its own directory, which checks that all of them are reset. (`door_execve`
//! is the test of general registers and flags.) Expected: exit 0.
#![no_std]
#![cfg_attr(bare, no_main)]

use core::arch::asm;
use core::ffi::{CStr, c_char};

use sys::env::AT_EXECFN;
use sys::{Env, os, println};

sys::entry!(run);

/// The program to execute.
const NEXT: &[u8] = b"start_state\0";

fn run(env: &Env) -> i32 {
    let mut path = [0_u8; 256];
    if beside(env, &mut path).is_none() {
        println!("this program's path is too long");
        return 2;
    }
    let argv = [path.as_ptr() as usize, 0];
    let Ok(path) = CStr::from_bytes_until_nul(&path) else {
        return 2;
    };
    segments();
    vectors();
    // A switch to another process and back: the kernel saves and restores the registers.
    if let Ok(child) = os::fork() {
        if child == 0 {
            os::exit(0);
        }
        let _ = os::wait(child);
    }
    // SAFETY: the path and both arrays are complete.
    let errno = unsafe { os::execve(path, argv.as_ptr(), env.envp()) };
    println!("can't execute start_state: {errno}");
    1
}

/// Writes the path of `start_state`, in this program's directory, to `path`.
fn beside(env: &Env, path: &mut [u8]) -> Option<()> {
    let own = env.aux(AT_EXECFN)? as *const c_char;
    // SAFETY: AT_EXECFN is the address of a NUL-terminated string.
    let own = unsafe { CStr::from_ptr(own) }.to_bytes();
    let directory = own
        .iter()
        .rposition(|&byte| byte == b'/')
        .map_or(0, |at| at + 1);
    path.get_mut(..directory)?
        .copy_from_slice(&own[..directory]);
    path.get_mut(directory..directory + NEXT.len())?
        .copy_from_slice(NEXT);
    Some(())
}

/// Sets x87 and SSE registers, and control words other than the defaults.
fn vectors() {
    const X87_CONTROL: u16 = 0x27f;
    const MXCSR: u32 = 0x9f80;
    // SAFETY: all changed registers are declared.
    unsafe {
        asm!("fldcw [{0}]", "fldpi", "fld1", "ldmxcsr [{1}]", "movd xmm0, {2:e}", "pshufd xmm0, xmm0, 0",
            "movaps xmm1, xmm0", "movaps xmm3, xmm0", "movaps xmm7, xmm0",
            in(reg) &X87_CONTROL, in(reg) &MXCSR, in(reg) 0x5555_aaaa_u32,
            out("xmm0") _, out("xmm1") _, out("xmm3") _, out("xmm7") _,
            out("st(0)") _, out("st(1)") _, out("st(2)") _, out("st(3)") _,
            out("st(4)") _, out("st(5)") _, out("st(6)") _, out("st(7)") _);
        #[cfg(target_arch = "x86_64")]
        asm!("pcmpeqd xmm8, xmm8", "movaps xmm15, xmm8", out("xmm8") _, out("xmm15") _);
    }
}

/// Sets segment selectors and bases.
#[cfg(target_arch = "x86_64")]
fn segments() {
    const ARCH_SET_GS: usize = 0x1001;
    const ARCH_SET_FS: usize = 0x1002;
    // SAFETY: 64-bit code doesn't use these; the program has no thread-local storage.
    unsafe {
        asm!("mov ds, {0:x}", "mov es, {0:x}", in(reg) 0x2b);
        for base in [ARCH_SET_GS, ARCH_SET_FS] {
            let _ = os::native(sys::numbers::ARCH_PRCTL, [base, 0x1234_5000, 0, 0, 0, 0]);
        }
    }
}

/// Sets segment selectors, and the descriptor of the first TLS segment.
#[cfg(target_arch = "x86")]
fn segments() {
    use sys::numbers::{ABSENT, Call};

    const SET_THREAD_AREA: Call = Call {
        x86_64: ABSENT,
        i386: 243,
    };
    // struct user_desc: entry, base, limit, flags (32-bit, limit in pages, usable).
    let descriptor = [12_u32, 0x1234_5000, 0xfffff, 0x51];
    // SAFETY: the program has no thread-local storage.
    unsafe {
        let _ = os::native(
            SET_THREAD_AREA,
            [descriptor.as_ptr() as usize, 0, 0, 0, 0, 0],
        );
        asm!("mov gs, {0:x}", "mov fs, {1:x}", in(reg) 0x63, in(reg) 0x2b);
    }
}
