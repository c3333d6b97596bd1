//! Initial stack of a program: the strings of `arguments.rs` and, below them, the auxiliary vector
//! and the pointers to environment and arguments (System V psABI, "Process Initialization";
//! fs/binfmt_elf.c for Linux's additions).

use alloc::sync::Arc;
use alloc::vec::Vec;

use linux_raw_sys::auxvec as at;

use super::Mm;
use super::arguments::Arguments;
use super::rseq;
use super::signal::fpstate;
use crate::abi::cred::Credentials;
use crate::abi::errno::Errno;
use crate::arch::cpu;
use crate::dev::random;
use crate::mm::PAGE_SIZE;

/// AT_SYSINFO: address of `__kernel_vsyscall`, for 32-bit programs.
const AT_SYSINFO: u64 = 32;
/// Upper bound of the bytes of a signal frame beside the FPU state: struct sigframe_ia32 with
/// FNSAVE's format, and the alignment of both (init_sigframe_size).
const SIGNAL_FRAME: usize = 736 + 112 + 15 + 63;
/// The CPU has FSGSBASE, and programs may use it (HWCAP2_FSGSBASE).
const HWCAP2_FSGSBASE: u64 = 1 << 1;

/// The loaded program, as described by the auxiliary vector.
pub struct ProgramInfo {
    /// Whether the program is a 32-bit one.
    pub is_32bit: bool,
    /// Address of the program headers.
    pub phdr: u64,
    /// Size of a program header, bytes.
    pub phent: u64,
    /// Number of program headers.
    pub phnum: u64,
    /// Load address of the dynamic linker; 0 without one.
    pub base: u64,
    /// Entry point of the program itself.
    pub entry: u64,
    /// Address of `__kernel_vsyscall`; 0 for 64-bit programs.
    pub vsyscall: u64,
    /// Credentials.
    pub credentials: Arc<Credentials>,
    /// The program's privileges differ from its caller's (AT_SECURE).
    pub secure: bool,
}

/// Upper bound of the entries of the auxiliary vector.
const PAIRS_MAX: u64 = 24;
/// Longest string of AT_PLATFORM, bytes with NUL.
const PLATFORM_MAX: u64 = 7;
/// Random bytes of AT_RANDOM.
const SEED: u64 = 16;
/// Alignment of the initial stack pointer, bytes.
const ALIGNMENT: u64 = 16;

/// Upper bound of the initial stack's bytes with these strings.
pub fn size(arguments: &Arguments, is_32bit: bool) -> u64 {
    let words = 3 + arguments.argc + arguments.envc + 2 * PAIRS_MAX;
    arguments.size() + PLATFORM_MAX + SEED + ALIGNMENT + words * width(is_32bit) as u64
}

/// Bytes of a word.
fn width(is_32bit: bool) -> usize {
    if is_32bit { 4 } else { 8 }
}

/// Maps the pages of the strings below `top` and writes the rest below them. Returns the initial
/// stack pointer.
///
/// # Errors
/// `ENOMEM`.
pub fn build(mm: &Mm, top: u64, info: &ProgramInfo, arguments: Arguments) -> Result<u64, Errno> {
    for (index, page) in (1..).zip(arguments.pages()) {
        mm.lock().adopt(top - index * PAGE_SIZE, page.clone())?;
    }
    let arg_start = top - arguments.size();
    let mut stack = StackWriter { mm, at: arg_start };
    let platform = stack.push(if info.is_32bit {
        b"i686\0"
    } else {
        b"x86_64\0"
    })?;
    let mut seed = [0; SEED as usize];
    random::fill(&mut seed);
    let seed = stack.push(&seed)?;

    let env_start = top - arguments.environment;
    let exec_fn = top - arguments.path;
    let auxv = {
        let mut mm = mm.lock();
        let landmarks = &mut mm.landmarks;
        (landmarks.arg_start, landmarks.arg_end) = (arg_start, env_start);
        (landmarks.env_start, landmarks.env_end) = (env_start, exec_fn);
        let auxv = auxiliary_vector(info, landmarks.vdso, exec_fn, platform, seed);
        debug_assert!(auxv.len() as u64 <= PAIRS_MAX);
        mm.auxv.clone_from(&auxv);
        auxv
    };

    // ANCHOR: stack-start
    // argc, argv, NULL, envp, NULL, auxv: upwards from an address that is 16-byte aligned.
    let width = width(info.is_32bit);
    let count = 3 + arguments.argc + arguments.envc + 2 * auxv.len() as u64;
    let start = (stack.at - count * width as u64) & !(ALIGNMENT - 1);
    let mut words = WordWriter::new(mm, start, width);
    words.push(arguments.argc)?;
    // ANCHOR_END: stack-start
    let mut left = arguments.argc;
    arguments.for_each(|distance| {
        // The NULL of argv, before the environment.
        if left == 0 {
            words.push(0)?;
        }
        left = left.wrapping_sub(1);
        words.push(top - distance)
    })?;
    if arguments.envc == 0 {
        words.push(0)?;
    }
    words.push(0)?;
    // ANCHOR: auxv-words
    for (key, value) in auxv {
        words.push(key)?;
        words.push(value)?;
    }
    words.flush()?;
    // ANCHOR_END: auxv-words
    mm.lock().landmarks.start_stack = start;
    Ok(start)
}

/// The auxiliary vector in Linux's order, AT_NULL included.
fn auxiliary_vector(
    info: &ProgramInfo,
    vdso: u64,
    exec_fn: u64,
    platform: u64,
    seed: u64,
) -> Vec<(u64, u64)> {
    let cpu = cpu::features();
    // ANCHOR: auxv-first
    let mut auxv = Vec::new();
    if info.is_32bit {
        auxv.push((AT_SYSINFO, info.vsyscall));
    }
    let mut add = |key: u32, value: u64| auxv.push((u64::from(key), value));
    add(at::AT_SYSINFO_EHDR, vdso);
    let signal_frame = (SIGNAL_FRAME + fpstate::size()).next_multiple_of(16);
    add(at::AT_MINSIGSTKSZ, signal_frame as u64);
    add(at::AT_HWCAP, u64::from(cpu.leaf1_edx));
    add(at::AT_PAGESZ, PAGE_SIZE);
    // ANCHOR_END: auxv-first
    add(at::AT_CLKTCK, 100);
    add(at::AT_PHDR, info.phdr);
    add(at::AT_PHENT, info.phent);
    add(at::AT_PHNUM, info.phnum);
    add(at::AT_BASE, info.base);
    add(at::AT_FLAGS, 0);
    add(at::AT_ENTRY, info.entry);
    let who = &info.credentials;
    add(at::AT_UID, u64::from(who.uid));
    add(at::AT_EUID, u64::from(who.euid));
    add(at::AT_GID, u64::from(who.gid));
    add(at::AT_EGID, u64::from(who.egid));
    add(at::AT_SECURE, info.secure.into());
    add(at::AT_RANDOM, seed);
    add(
        at::AT_HWCAP2,
        if cpu.fsgsbase { HWCAP2_FSGSBASE } else { 0 },
    );
    add(at::AT_EXECFN, exec_fn);
    add(at::AT_PLATFORM, platform);
    add(at::AT_RSEQ_FEATURE_SIZE, rseq::FEATURE_SIZE);
    add(at::AT_RSEQ_ALIGN, rseq::ALIGN);
    add(at::AT_NULL, 0);
    auxv
}

/// Writer of data below an address.
struct StackWriter<'a> {
    mm: &'a Mm,
    at: u64,
}

impl StackWriter<'_> {
    fn push(&mut self, bytes: &[u8]) -> Result<u64, Errno> {
        self.at -= bytes.len() as u64;
        self.mm.lock().poke(self.at, bytes)?;
        Ok(self.at)
    }
}

/// Buffered writer of consecutive words.
struct WordWriter<'a> {
    mm: &'a Mm,
    /// Address of the buffer's contents.
    at: u64,
    width: usize,
    buffer: [u8; 1024],
    used: usize,
}

impl<'a> WordWriter<'a> {
    fn new(mm: &'a Mm, at: u64, width: usize) -> Self {
        Self {
            mm,
            at,
            width,
            buffer: [0; 1024],
            used: 0,
        }
    }

    fn push(&mut self, word: u64) -> Result<(), Errno> {
        let bytes = word.to_le_bytes();
        let end = self.used + self.width;
        self.buffer[self.used..end].copy_from_slice(&bytes[..self.width]);
        self.used = end;
        if end == self.buffer.len() {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Errno> {
        self.mm.lock().poke(self.at, &self.buffer[..self.used])?;
        self.at += self.used as u64;
        self.used = 0;
        Ok(())
    }
}
